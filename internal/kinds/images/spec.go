package images

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// spec is the "images" part of a definition.
type spec struct {
	sources []source
	sets    map[string][]request // what each set asks for
}

// A source is one registry of a definition; its images may come from elsewhere.
type source struct {
	section   artifact.Section
	registry  string // as clients name it: "registry.example.org:5000"
	dir       string // the definition's
	from      origin
	take      []request
	platforms platforms
	referrers referrers
	keys      []keyFile // one of these must have signed each image; none: signatures are not required
}

// name is the source's name in the lock.
func (s *source) name() string { return sourceName(s.registry) }

// errorf is an error about the source, with its place in the definition.
func (s *source) errorf(format string, args ...any) error {
	return s.section.Errorf("images: "+s.registry+": "+format, args...)
}

// sourceSpec is an entry as it is written.
type sourceSpec struct {
	Name      string           `yaml:"name"`
	From      string           `yaml:"from"`
	Verify    artifact.Section `yaml:"verify"`
	Take      artifact.Section `yaml:"take"`
	Platforms artifact.Section `yaml:"platforms"`
	Referrers artifact.Section `yaml:"referrers"`
}

// Parse implements artifact.Kind.
func (Kind) Parse(section artifact.Section, sets map[string]artifact.Section, dir string) (artifact.Spec, error) {
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, "write, for example: images: [ { name: registry.example.org, take: [ \"pause:3.10\" ] } ]")
	}
	if len(entries) == 0 {
		return nil, section.Errorf("images: the list is empty")
	}
	s := &spec{sets: make(map[string][]request)}
	for _, entry := range entries {
		one, err := parseSource(entry, dir)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.sources, func(o source) bool { return o.registry == one.registry }) {
			return nil, artifact.Hint(entry.Errorf("images: %s is listed twice", one.registry), "put everything from this registry into one take")
		}
		s.sources = append(s.sources, one)
	}
	for name, set := range sets {
		var err error
		if s.sets[name], err = parseRequests(set); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func parseSource(section artifact.Section, dir string) (s source, err error) {
	s = source{section: section, dir: dir}
	var raw sourceSpec
	if section.IsText() {
		return s, section.Errorf("images: a registry cannot be a string: write { name: registry.example.org, take: [ NAME:TAG ] }")
	}
	if err := section.Decode(&raw); err != nil {
		return s, err
	}
	if raw.Name == "" {
		return s, artifact.Hint(section.Errorf("images: an entry needs a name: the registry as clients name it"), "write name: registry.example.org; images without a registry in their name are docker.io's")
	}
	s.registry = canonical(strings.ToLower(raw.Name))
	if !validRegistry.MatchString(s.registry) {
		return s, artifact.Hint(section.Errorf("images: %q is not a registry: HOST or HOST:PORT", raw.Name), "name: is the registry as clients name it, without https:// and without a repository; an address goes into from:")
	}
	if !strings.ContainsAny(s.registry, ".:") && s.registry != "localhost" {
		return s, artifact.Hint(section.Errorf("images: %q has no domain and no port, so clients take it for a part of a repository's name", raw.Name), "write name: %s.DOMAIN or name: %[1]s:PORT, as clients name the registry", s.registry)
	}
	if s.from, err = parseOrigin(&s, raw.From); err != nil {
		return s, err
	}
	if raw.Take == nil {
		return s, artifact.Hint(s.errorf("take is missing: which images are carried?"), "write, for example: take: [ \"pause:3.10\", \"acme/*:>=1.4 <2\" ]; all images: [ \"**:*\" ]")
	}
	if s.take, err = parseRequests(raw.Take); err != nil {
		return s, err
	}
	for i := range s.take {
		if first, rest, found := strings.Cut(s.take[i].text, "/"); found && canonical(first) == s.registry {
			return s, artifact.Hint(s.take[i].section.Errorf("images: %s: take names the registry, too: %q", s.registry, s.take[i].text), "write %q", rest)
		}
		s.take[i].within(s.registry)
	}
	if s.platforms, err = parsePlatforms(raw.Platforms); err != nil {
		return s, err
	}
	if s.referrers, err = parseReferrers(raw.Referrers); err != nil {
		return s, err
	}
	s.keys, err = parseVerify(raw.Verify, dir)
	return s, err
}

// An origin is where the images of a source come from.
type origin struct {
	way  way
	text string // as it is written: an address without a final slash, or a path
}

// A way is the form of an origin, by its name in containers-transports(5).
type way string

const (
	fromRegistry      way = "docker"
	fromLayout        way = "oci"
	fromArchive       way = "oci-archive"
	fromDockerArchive way = "docker-archive"
)

func parseOrigin(s *source, text string) (origin, error) {
	switch {
	case text == "" && s.registry == dockerHub:
		return origin{fromRegistry, "https://" + dockerHubHost}, nil
	case text == "":
		return origin{fromRegistry, "https://" + s.registry}, nil
	}
	for _, w := range []way{fromLayout, fromArchive, fromDockerArchive} {
		if file, found := strings.CutPrefix(text, string(w)+":"); found {
			if file == "" {
				return origin{}, s.errorf("from: %s: a path is missing", text)
			}
			return origin{w, filepath.ToSlash(file)}, nil
		}
	}
	u, err := artifact.ParseAddress(text)
	switch {
	case err != nil:
		return origin{}, artifact.Hint(s.errorf("from: %w", err), "write https://HOST, oci:FOLDER, oci-archive:FILE or docker-archive:FILE")
	case u.Scheme == "file" || u.RawQuery != "" || u.Fragment != "":
		return origin{}, artifact.Hint(s.errorf("from: %q is not the address of a registry", text), "write https://HOST, oci:FOLDER, oci-archive:FILE or docker-archive:FILE")
	case canonical(u.Host) == dockerHub:
		u.Host = dockerHubHost
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if u.Path == "/v2" {
		u.Path = ""
	}
	return origin{fromRegistry, u.String()}, nil
}
