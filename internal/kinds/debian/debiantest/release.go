package debiantest

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// flat returns the folder of a flat repository ("." for the archive's own), or
// "" for a suite below dists/.
func (s *Suite) flat() string {
	if !strings.HasSuffix(s.Name, "/") {
		return ""
	}
	return path.Clean("./" + strings.Trim(s.Name, "/"))
}

// folder is where the Release stands.
func (s *Suite) folder() string {
	if flat := s.flat(); flat != "" {
		return flat
	}
	return path.Join("dists", s.Name)
}

func (s *Suite) date() time.Time {
	if s.Date.IsZero() {
		return DefaultDate
	}
	return s.Date.UTC()
}

// components and architectures are the given ones, or those of the packages.
func (s *Suite) components() []string {
	if s.Components != nil {
		return s.Components
	}
	list := []string{}
	for _, p := range s.Packages {
		list = append(list, p.component())
	}
	if len(list) == 0 {
		list = append(list, "main")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *Suite) architectures() []string {
	if s.Architectures != nil {
		return s.Architectures
	}
	list := []string{}
	for _, p := range s.Packages {
		if p.architecture() != "all" {
			list = append(list, p.architecture())
		}
	}
	if len(list) == 0 {
		list = append(list, "amd64")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// indices returns the plain Packages files, by their place below the Release's
// folder. stanzas holds the paragraph of each package.
func (s *Suite) indices(stanzas map[*Package]string) map[string][]byte {
	all := map[string][]byte{}
	write := func(name string, keep func(p *Package) bool) {
		var b strings.Builder
		for _, p := range s.Packages {
			if keep(p) {
				b.WriteString(stanzas[p] + "\n")
			}
		}
		index := []byte(b.String())
		if s.EditIndex != nil {
			index = s.EditIndex(name, index)
		}
		all[name] = index
	}
	if s.flat() != "" {
		write("Packages", func(*Package) bool { return true })
		return all
	}
	apart := slices.Contains(s.architectures(), "all")
	for _, component := range s.components() {
		for _, arch := range s.architectures() {
			write(path.Join(component, "binary-"+arch, "Packages"), func(p *Package) bool {
				return p.component() == component &&
					(p.architecture() == arch || p.architecture() == "all" && !apart)
			})
		}
	}
	return all
}

// stanza is a package's paragraph in a Packages file.
func (p *Package) stanza(filename string, deb []byte) string {
	text := p.control(p.contents()) + fmt.Sprintf("Filename: %s\nSize: %d\n", filename, len(deb))
	hashes := p.Hashes
	if hashes == nil {
		hashes = []string{"MD5sum", "SHA256"}
	}
	for _, hash := range hashes {
		text += fmt.Sprintf("%s: %s\n", hash, sum(hash, deb))
	}
	return text
}

// release writes the Release file about the indices and their encodings.
func (s *Suite) release(indices map[string][]byte) []byte {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	name := strings.Trim(path.Clean(s.Name), "./")
	line("Origin", cmp.Or(s.Origin, "Test"))
	line("Label", cmp.Or(s.Label, "Test"))
	if s.Says != "none" {
		line("Suite", cmp.Or(s.Says, name))
		line("Codename", cmp.Or(s.Codename, name))
	}
	line("Date", s.date().Format(time.RFC1123))
	if !s.ValidUntil.IsZero() {
		line("Valid-Until", s.ValidUntil.UTC().Format(time.RFC1123))
	}
	if s.ByHash {
		line("Acquire-By-Hash", "yes")
	}
	line("Architectures", strings.Join(s.architectures(), " "))
	if s.flat() == "" {
		line("Components", strings.Join(s.components(), " "))
	}
	for _, field := range s.Fields {
		b.WriteString(field + "\n")
	}
	for _, hash := range s.hashes() {
		b.WriteString(hash + ":\n")
		for _, name := range sortedKeys(indices) {
			fmt.Fprintf(&b, " %s %d %s\n", sum(hash, indices[name]), len(indices[name]), name)
		}
	}
	release := []byte(b.String())
	if s.EditRelease != nil {
		release = s.EditRelease(release)
	}
	return release
}

func (s *Suite) hashes() []string {
	if s.Hashes == nil {
		return []string{"MD5Sum", "SHA256"}
	}
	return s.Hashes
}

// sum returns the hexadecimal digest that the Release's list named hash holds.
func sum(hash string, data []byte) string {
	switch hash {
	case "MD5Sum", "MD5sum":
		return fmt.Sprintf("%x", md5.Sum(data))
	case "SHA1":
		return fmt.Sprintf("%x", sha1.Sum(data))
	case "SHA512":
		return fmt.Sprintf("%x", sha512.Sum512(data))
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}
