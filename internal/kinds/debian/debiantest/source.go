package debiantest

import (
	"fmt"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// addSources adds a source package for the packages of a suite that were built from one, as dpkg-source extracts it, and returns
// the Sources indices.
func (t *Tree) addSources(s *Suite) (map[string][]byte, error) {
	type built struct{ component, name, version string }
	binaries, order := map[built][]string{}, []built(nil)
	for _, p := range s.Packages {
		name, version := deb822.SourceOf(p.Name, p.version(), p.field("Source"))
		b := built{p.component(), name, version}
		if binaries[b] == nil {
			order = append(order, b)
		}
		binaries[b] = append(binaries[b], p.Name)
	}
	indices := map[string]string{}
	for _, component := range s.components() {
		indices[s.sourcesIndex(component)] = ""
	}
	for _, b := range order {
		stanza, err := t.addSource(s, b.component, b.name, b.version, binaries[b])
		if err != nil {
			return nil, err
		}
		indices[s.sourcesIndex(b.component)] += stanza + "\n"
	}
	all := map[string][]byte{}
	for name, text := range indices {
		all[name] = []byte(text)
		if s.EditIndex != nil {
			all[name] = s.EditIndex(name, all[name])
		}
	}
	return all, nil
}

func (s *Suite) sourcesIndex(component string) string {
	if s.flat() != "" {
		return "Sources"
	}
	return path.Join(component, "source/Sources")
}

// addSource adds a native source package (dpkg-source(1), format 1.0) and returns its stanza.
func (t *Tree) addSource(s *Suite, component, name, version string, binaries []string) (string, error) {
	_, short, epoch := strings.Cut(version, ":")
	if !epoch {
		short = version
	}
	tarball, err := tarOf(map[string]string{fmt.Sprintf("%s-%s/README", name, short): "source of " + name + " " + version + "\n"}, false)
	if err != nil {
		return "", err
	}
	if tarball, err = compress("gz", tarball); err != nil {
		return "", err
	}
	directory := path.Join("pool", component, name[:1], name)
	if flat := s.flat(); flat != "" {
		directory = flat
	}
	common := fmt.Sprintf("Format: 1.0\nBinary: %s\nArchitecture: any\nVersion: %s\nMaintainer: Nobody <nobody@example.org>\n", strings.Join(binaries, ", "), version)
	tarName, dscName := fmt.Sprintf("%s_%s.tar.gz", name, short), fmt.Sprintf("%s_%s.dsc", name, short)
	line := func(hash, name string, data []byte) string {
		return fmt.Sprintf(" %s %d %s\n", sum(hash, data), len(data), name)
	}
	dsc := []byte("Source: " + name + "\n" + common + "Checksums-Sha256:\n" + line("SHA256", tarName, tarball) + "Files:\n" + line("MD5Sum", tarName, tarball))
	t.add(path.Join(directory, tarName), tarball, DefaultDate)
	t.add(path.Join(directory, dscName), dsc, DefaultDate)
	return "Package: " + name + "\n" + common + "Directory: " + directory + "\n" +
		"Files:\n" + line("MD5Sum", dscName, dsc) + line("MD5Sum", tarName, tarball) +
		"Checksums-Sha256:\n" + line("SHA256", tarName, tarball) + line("SHA256", dscName, dsc), nil
}
