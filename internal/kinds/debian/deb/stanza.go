package deb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Package is what a control file says.
type Package struct {
	Name, Version, Architecture string
	Stanza                      []byte // the fields that an index repeats, each with the end of its line
}

// ofIndex are the fields that an index adds to a package's own; in a control file they mean nothing.
var ofIndex = []string{"Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Phased-Update-Percentage"}

// relations are the fields that apt reads as such: it refuses an index in which one is damaged.
var relations = []string{"Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Provides"}

// Parse reads a control file. The error says why a package with it could not be carried.
func Parse(control []byte) (*Package, error) {
	if bytes.IndexByte(control, 0) >= 0 {
		return nil, errors.New("control: a NUL byte is in it")
	}
	p := &Package{}
	dropped := false
	for line := range strings.Lines(strings.Trim(string(control), "\r\n")) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			return nil, errors.New("control: an empty line is in it")
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _ := deb822.FieldName(line)
			dropped = slices.ContainsFunc(ofIndex, func(field string) bool { return strings.EqualFold(field, name) })
		}
		if !dropped {
			p.Stanza = append(append(p.Stanza, line...), '\n')
		}
	}
	var err error
	deb822.NewPackagesIndex(deb822.Origin{}, p.Stanza).Scan(func(s *deb822.Stanza, problem error) {
		p.Name, p.Version, p.Architecture, err = strings.ToLower(s.Name), s.Version, s.Architecture, problem
	})
	text := string(p.Stanza)
	switch {
	case err != nil:
		return nil, fmt.Errorf("control: %w", err)
	case p.Name == "":
		return nil, errors.New("control: it has no Version and no Architecture")
	}
	for _, field := range relations {
		value := deb822.StanzaField(text, field)
		if _, err := deb822.ParseClauses(value); err != nil {
			return nil, fmt.Errorf("control: its field %s is damaged: %w", field, err)
		}
	}
	return p, nil
}
