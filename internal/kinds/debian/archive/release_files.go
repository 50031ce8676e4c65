package archive

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// The lists of a Release with strong digests, in apt's order: the first list that has a file
// determines its size. A file must match every digest that is listed for it.
var releaseLists = []struct {
	field  string
	valid  func(digest string) bool
	digest func(c *artifact.Content) *string
}{
	{"SHA512", artifact.ValidSHA512, func(c *artifact.Content) *string { return &c.SHA512 }},
	{"SHA256", artifact.ValidSHA256, func(c *artifact.Content) *string { return &c.SHA256 }},
}

// weakLists are lists with weak digests.
var weakLists = []string{"MD5Sum", "SHA1"}

// parseLists reads the release's lists of files, and skips invalid digests and sizes. If one list has a file twice, the
// first entry counts, as in apt; r.doubled gets the files whose entries differ.
func (r *Release) parseLists() error {
	r.Files = make(map[string]artifact.Content)
	found := false
	for _, list := range releaseLists {
		found = found || r.Header.Has(list.field)
		for line := range strings.Lines(r.Header.Get(list.field)) {
			fields := strings.Fields(line)
			if len(fields) == 0 {
				continue
			}
			if len(fields) != 3 {
				return fmt.Errorf("%s: want \"DIGEST SIZE PATH\", not %q", list.field, strings.TrimSpace(line))
			}
			size, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil || size < 0 || !list.valid(fields[0]) {
				continue // nothing can be verified by it
			}
			name := path.Clean(fields[2])
			content, again := r.Files[name]
			if !again {
				content.Size = size
			}
			digest := list.digest(&content)
			if (content.Size != size || *digest != "" && *digest != fields[0]) && !slices.Contains(r.doubled, name) {
				r.doubled = append(r.doubled, name)
			}
			if *digest == "" {
				*digest = fields[0]
			}
			r.Files[name] = content
		}
	}
	if !found {
		return artifact.Hint(artifact.Verifyf("it lists neither SHA256 nor SHA512 digests; weaker ones are not accepted"), "%s", deb822.WeakHint)
	}
	return nil
}

// weak reports whether the release covers a file only with digests that are not accepted.
func (r *Release) weak(name string) bool {
	if _, strong := r.Files[name]; strong {
		return false
	}
	for _, list := range weakLists {
		for line := range strings.Lines(r.Header.Get(list)) {
			if fields := strings.Fields(line); len(fields) == 3 && path.Clean(fields[2]) == name {
				return true
			}
		}
	}
	return false
}
