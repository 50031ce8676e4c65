package archive

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// own checks the packages of a source that nobody signs against themselves: each must say of itself what the image says. The line
// tells what vouches for them instead of a key.
func (v *verification) own(src *artifact.Source, items []*artifact.Item) (line string, err error) {
	local := 0
	for _, a := range items {
		if err := v.ownPackage(a); err != nil {
			return "", artifact.Verifyf("debian: %s: %w", a.ID(), err)
		}
		if slices.ContainsFunc(a.Files[0].URLs, isLocal) {
			local++
		}
	}
	var by []string
	if local > 0 {
		by = append(by, fmt.Sprintf("%s of this site, by their digests when they were locked", count(local)))
	}
	if remote := len(items) - local; remote > 0 {
		by = append(by, fmt.Sprintf("%s by the digest that the definition gives", count(remote)))
	}
	if by == nil {
		by = []string{"no packages"}
	}
	return fmt.Sprintf("%s: the definition vouches for these packages, not an upstream key: %s", src.Name, strings.Join(by, ", ")), nil
}

func count(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}

// isLocal reports whether an address is that of a file of the site that made the lock.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == ""
}

// ownPackage reads a package, and compares its control data with what the image says of it.
func (v *verification) ownPackage(a *artifact.Item) error {
	f, err := v.open(a.FileID(&a.Files[0]))
	if err != nil {
		return err
	}
	defer f.Close()
	want := a.Files[0].Content()
	h := want.Hasher()
	content := io.TeeReader(io.LimitReader(f, want.Size+1), h)
	p, problem := readDeb(content)
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if err := want.Verify(h.Sum()); err != nil {
		return err
	}
	if problem != nil {
		return problem
	}
	if p.Name != a.Name || p.Version != a.Version || p.Architecture != a.Architecture() || !slices.Equal(deb822.StanzaOf(string(p.Stanza)), deb822.StanzaOf(deb822.MetadataText(a))) {
		return fmt.Errorf("the image says of it what its control data do not: they are of %s %s (%s), or their other fields differ", p.Name, p.Version, p.Architecture)
	}
	return nil
}
