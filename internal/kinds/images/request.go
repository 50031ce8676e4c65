package images

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
)

// A request is an entry of take, or of a set: "REPOSITORY:TAGS" or "REPOSITORY@DIGEST". Repositories and tags may be patterns, and tags a range of versions.
type request struct {
	section    artifact.Section
	text       string // as it is written
	repository glob.Pattern
	tag        glob.Pattern        // if neither digest nor versions is there
	versions   *semver.Constraints // nil: none
	digest     string              // empty: none
	newest     int                 // how many of the tags that match are taken, those with the highest versions; 0: all
}

// requestSpec is an entry that is more than a text.
type requestSpec struct {
	Image  string `yaml:"image"`
	Newest *int   `yaml:"newest"`
}

func parseRequests(section artifact.Section) (all []request, err error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, "write a list: [ \"pause:3.10\", \"acme/*:>=1.4 <2\" ]")
	}
	if len(entries) == 0 {
		return nil, section.Errorf("the list is empty: name at least one image, or leave out the key")
	}
	for _, entry := range entries {
		r := request{section: entry}
		if entry.IsText() {
			if err := entry.Decode(&r.text); err != nil {
				return nil, err
			}
		} else {
			var raw requestSpec
			if err := entry.Decode(&raw); err != nil {
				return nil, artifact.Hint(err, "write NAME:TAG, or { image: \"NAME:TAGS\", newest: 3 }; a text with \": \", or that begins with * or @, needs quotes")
			}
			r.text = raw.Image
			if raw.Newest != nil {
				if r.newest = *raw.Newest; r.newest < 1 {
					return nil, entry.Errorf("newest: %d is not a number above zero", r.newest)
				}
			}
		}
		if err := r.parse(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o request) bool { return o.text == r.text }) {
			return nil, entry.Errorf("%q is listed twice", r.text)
		}
		all = append(all, r)
	}
	return all, nil
}

// isRange distinguishes a range of versions from a tag or a pattern of tags.
var isRange = regexp.MustCompile(`^[<>=~^!]|[ ,|]`)

func (r *request) parse() (err error) {
	repository, tag, digest := splitReference(r.text)
	switch {
	case repository == "":
		return artifact.Hint(r.section.Errorf("%q does not name an image", r.text), "write NAME:TAG")
	case digest != "" && !validDigest(digest):
		return r.section.Errorf("%q: %q is not a digest: sha256: and 64, or sha512: and 128 hexadecimal digits in lower case", r.text, digest)
	case digest == "" && tag == "":
		return artifact.Hint(r.section.Errorf("%q has no tag", r.text), "write %s:latest if you mean that one, %s:* for all tags, or %[1]s:TAG", repository, repository)
	case digest != "" && r.newest != 0:
		return r.section.Errorf("%q: newest cannot be used with a digest", r.text)
	}
	if r.repository, err = glob.ParsePath(repository); err != nil {
		return r.section.Errorf("%q: the repository is not a valid pattern: %w", r.text, err)
	}
	if name, exact := r.repository.Exact(); exact && !validRepository.MatchString(name) {
		return r.section.Errorf("%q: %q is not the name of a repository: they have lower-case letters, digits and \".\", \"_\", \"-\" between them", r.text, name)
	}
	r.digest = digest
	if tag == "" {
		return nil
	}
	if isRange.MatchString(tag) {
		if r.versions, err = semver.NewConstraint(joined(tag)); err != nil {
			return artifact.Hint(r.section.Errorf("%q: %q is not a range of versions: %w", r.text, tag, err), `write, for example, ">=1.4 <2" or "~1.4"`)
		}
		return nil
	}
	if r.tag, err = glob.Parse(tag); err != nil {
		return r.section.Errorf("%q: %q is not a valid pattern for tags: %w", r.text, tag, err)
	}
	if name, exact := r.tag.Exact(); exact && !validTag.MatchString(name) {
		return r.section.Errorf("%q: %q is not a tag: at most 128 letters, digits and \".\", \"_\", \"-\"", r.text, name)
	}
	return nil
}

// joined writes a range as semver reads it: with commas between its parts, and "+" where tags have "_".
func joined(text string) string {
	text = strings.ReplaceAll(text, "_", "+")
	return regexp.MustCompile(`([0-9xX*])\s+([<>=~^!])`).ReplaceAllString(text, "$1, $2")
}

// splitReference divides "REPOSITORY:TAG@DIGEST". A registry before the repository may have a port. If there is a digest, the tag
// is ignored.
func splitReference(text string) (repository, tag, digest string) {
	name, digest, _ := strings.Cut(text, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		return name[:i], name[i+1:], digest
	}
	return name, "", digest
}

// within completes the repository's name to the one that the registry uses.
func (r *request) within(registry string) {
	name, exact := r.repository.Exact()
	if !exact {
		return
	}
	if p, err := glob.ParsePath(inRegistry(registry, name)); err == nil {
		r.repository = p
	}
}

// exact returns the repository and the tag or digest, if the request means exactly one image.
func (r *request) exact() (repository, version string, ok bool) {
	repository, one := r.repository.Exact()
	if r.digest != "" {
		return repository, r.digest, one
	}
	tag, exact := r.tag.Exact()
	return repository, tag, one && exact && r.versions == nil
}

// matchTag reports whether the request wants a tag of the repositories that it means.
func (r *request) matchTag(tag string) bool {
	switch {
	case r.digest != "":
		return false
	case r.versions != nil:
		v := versionOf(tag)
		return v != nil && r.versions.Check(v)
	}
	return r.tag.Match(tag)
}

// versionOf reads a tag as a semantic version, of which minor and patch may be missing; nil: it is not a version. Tags have "_" where
// versions have "+".
func versionOf(tag string) *semver.Version {
	v, err := semver.NewVersion(strings.Replace(tag, "_", "+", 1))
	if err != nil {
		return nil
	}
	return v
}

// String is the request as it is written.
func (r *request) String() string { return fmt.Sprintf("%q", r.text) }

var _ artifact.Lister = Kind{}

// RequestLists implements artifact.Lister.
func (Kind) RequestLists() []artifact.RequestList {
	return []artifact.RequestList{{Key: "take", EntryKey: "image"}}
}

// RequestName implements artifact.Lister: a repository may be requested with several tags, so it is the whole request.
func (Kind) RequestName(request string) (name string, bare bool, err error) {
	if repository, _, _ := splitReference(request); repository == "" {
		return "", false, artifact.Hint(fmt.Errorf("%q does not name an image", request), "write NAME:TAG")
	}
	return request, true, nil
}
