package simple

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// Metadata is what a distribution says of itself: "Core metadata specifications". Values are as they are written.
type Metadata struct {
	Name, Version     string
	RequiresDist      []string // PEP 508
	RequiresPython    string
	ProvidesExtra     []string
	Summary           string
	License           string // of older versions of the metadata: a name, or the whole text
	LicenseExpression string // SPDX
	Classifiers       []string
	HomePage          string
	ProjectURLs       []string // "LABEL, ADDRESS"
	Author, Email     string
	Dynamic           []string // fields that a source distribution does not know yet, in lower case
}

// MaxMetadata is the size of the largest metadata that is read, in bytes.
const MaxMetadata = 8 << 20

// ErrUnreadable marks errors about what a distribution says of itself: it is not valid, or nobody can tell before it is built. Installers pass over
// such a version.
var ErrUnreadable = errors.New("its metadata cannot be used")

const maxHeader = 1 << 20 // bytes of the fields of one file, without the description

// ParseMetadata reads the fields of a file of metadata. The description, behind an empty line or in a field, is passed over.
func ParseMetadata(r io.Reader) (*Metadata, error) {
	m := &Metadata{}
	in := bufio.NewReader(io.LimitReader(r, MaxMetadata))
	key, value, size := "", "", 0
	for {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if size += len(line) + 1; size > maxHeader && !strings.EqualFold(key, "description") {
			return nil, fmt.Errorf("the metadata has fields of more than %d bytes", maxHeader)
		}
		switch {
		case line != "" && (line[0] == ' ' || line[0] == '\t'):
			if key == "" {
				return nil, errors.New("the metadata does not begin with a field")
			}
			if strings.EqualFold(key, "license") {
				value += "\n" + strings.TrimSpace(line)
			} else if !strings.EqualFold(key, "description") {
				value += " " + strings.TrimSpace(line)
			}
		default:
			m.set(key, value)
			if line == "" {
				return m, m.check()
			}
			name, rest, found := strings.Cut(line, ":")
			if !found || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("%q is not a field of metadata", shorten(line))
			}
			key, value = name, strings.TrimSpace(rest)
		}
		if err == io.EOF {
			m.set(key, value)
			return m, m.check()
		}
	}
}

func (m *Metadata) set(key, value string) {
	one := map[string]*string{"name": &m.Name, "version": &m.Version, "requires-python": &m.RequiresPython, "summary": &m.Summary, "license": &m.License,
		"license-expression": &m.LicenseExpression, "home-page": &m.HomePage, "author": &m.Author, "author-email": &m.Email}
	many := map[string]*[]string{"requires-dist": &m.RequiresDist, "provides-extra": &m.ProvidesExtra, "classifier": &m.Classifiers, "project-url": &m.ProjectURLs}
	switch key = strings.ToLower(key); {
	case key == "dynamic":
		m.Dynamic = append(m.Dynamic, strings.ToLower(value))
	case one[key] != nil && *one[key] == "" && value != "UNKNOWN": // which old versions of setuptools write
		*one[key] = value
	case many[key] != nil:
		*many[key] = append(*many[key], value)
	}
}

func (m *Metadata) check() error {
	switch {
	case m.Name == "" || m.Version == "":
		return errors.New("the metadata has no name or no version")
	case !pep508.ValidName(m.Name):
		return fmt.Errorf("the metadata has the name %q, which is not valid", shorten(m.Name))
	}
	return nil
}

// licenceClassifier begins classifiers (trove classifiers) that name a licence.
const licenceClassifier = "License :: "

// Licences are the names of the licences that the metadata states: the SPDX expression, else the last parts of the classifiers, and the field
// License if it is a name.
func (m *Metadata) Licences() (names []string) {
	if m.LicenseExpression != "" {
		return []string{m.LicenseExpression}
	}
	if m.License != "" && len(m.License) < 100 && !strings.Contains(m.License, "\n") {
		names = append(names, m.License)
	}
	for _, c := range m.Classifiers {
		if strings.HasPrefix(c, licenceClassifier) {
			if name := c[strings.LastIndex(c, " :: ")+4:]; name != "OSI Approved" {
				names = append(names, name)
			}
		}
	}
	return names
}

// WheelMetadata reads the file METADATA of a wheel of a project: the one below the only folder NAME-VERSION.dist-info ("Binary distribution
// format").
func WheelMetadata(r io.ReaderAt, size int64, project string) ([]byte, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it is not a zip archive: %w", err)
	}
	var found *zip.File
	for _, f := range z.File {
		folder, file, below := strings.Cut(f.Name, "/")
		stem, is := strings.CutSuffix(folder, ".dist-info")
		if !below || !is || file != "METADATA" {
			continue
		}
		if name, _, _ := strings.Cut(stem, "-"); pep508.NormalizeName(name) != project {
			return nil, fmt.Errorf("it has the metadata of another project: %q", shorten(f.Name))
		}
		if found != nil {
			return nil, fmt.Errorf("it has two files of metadata: %q and %q", shorten(found.Name), shorten(f.Name))
		}
		found = f
	}
	if found == nil {
		return nil, errors.New("it has no METADATA in a folder NAME-VERSION.dist-info")
	}
	if found.UncompressedSize64 > MaxMetadata {
		return nil, fmt.Errorf("its metadata has more than %d bytes", MaxMetadata)
	}
	in, err := found.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(in, MaxMetadata+1))
	if err = errors.Join(err, in.Close()); err == nil && len(data) > MaxMetadata {
		err = fmt.Errorf("its metadata has more than %d bytes", MaxMetadata)
	}
	return data, err
}
