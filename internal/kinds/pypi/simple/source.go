package simple

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// maxUnpacked is how many bytes of a source distribution are unpacked at most.
const maxUnpacked = 4 << 30

// A sourceTree has the files of a source distribution that say what it requires.
type sourceTree struct {
	info      []byte // PKG-INFO
	pyproject []byte // nil: absent
	egg       bool   // setuptools has left its folder there
	requires  []byte // requires.txt in that folder
}

// ParseSource reads what a source distribution says of itself, and what is needed to build it (PEP 517, 518). It is an error if its requirements are only
// known after it has been built.
func ParseSource(name string, r io.ReaderAt, size int64) (m *Metadata, build []string, err error) {
	var t sourceTree
	if strings.HasSuffix(name, ".zip") {
		err = t.readZip(r, size)
	} else {
		err = t.readTar(io.NewSectionReader(r, 0, size))
	}
	if err != nil {
		return nil, nil, err
	}
	if t.info == nil {
		return nil, nil, errors.New("it has no PKG-INFO")
	}
	if m, err = ParseMetadata(bytes.NewReader(t.info)); err != nil {
		return nil, nil, err
	}
	if !t.final() || slices.Contains(m.Dynamic, "requires-dist") || slices.Contains(m.Dynamic, "provides-extra") {
		if !t.egg {
			return nil, nil, errors.New("what it requires is only known after it has been built")
		}
		if m.RequiresDist, err = parseRequiresTxt(t.requires); err != nil {
			return nil, nil, err
		}
	}
	build, err = t.build()
	return m, build, err
}

// final reports whether PKG-INFO is of a version in which fields are final that are not declared dynamic: PEP 643.
func (t *sourceTree) final() bool {
	for line := range bytes.Lines(t.info) {
		if version, found := bytes.CutPrefix(line, []byte("Metadata-Version:")); found {
			text := strings.TrimSpace(string(version))
			return !strings.HasPrefix(text, "1.") && text != "2.0" && text != "2.1"
		}
	}
	return false
}

// build are the requirements of the tools that build it. setuptools before 70.1 asks for wheel when it runs.
func (t *sourceTree) build() ([]string, error) {
	var project struct {
		BuildSystem *struct {
			Requires []string `toml:"requires"`
		} `toml:"build-system"`
	}
	if err := toml.Unmarshal(t.pyproject, &project); err != nil {
		return nil, fmt.Errorf("pyproject.toml: %w", err)
	}
	requires := []string{"setuptools>=40.8.0"}
	if project.BuildSystem != nil {
		requires = project.BuildSystem.Requires
	}
	isSetuptools := func(text string) bool {
		r, err := pep508.ParseRequirement(text)
		return err == nil && r.Project() == "setuptools"
	}
	if slices.ContainsFunc(requires, isSetuptools) {
		requires = append(slices.Clip(requires), "wheel")
	}
	return requires, nil
}

// take keeps a file if it is one of those that say something.
func (t *sourceTree) take(name string, open func() (io.Reader, error)) error {
	_, below, found := strings.Cut(path.Clean(name), "/")
	if !found {
		return nil
	}
	into := (*[]byte)(nil)
	folder := path.Dir(below)
	switch egg := strings.HasSuffix(folder, ".egg-info"); {
	case below == "PKG-INFO":
		into = &t.info
	case below == "pyproject.toml":
		into = &t.pyproject
	case egg && path.Base(below) == "requires.txt":
		into = &t.requires
		t.egg = true
	case egg:
		t.egg = true
	}
	if into == nil {
		return nil
	}
	in, err := open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(in, MaxMetadata+1))
	if err == nil && len(data) > MaxMetadata {
		err = fmt.Errorf("%s has more than %d bytes", shorten(name), MaxMetadata)
	}
	*into = data
	return err
}

func (t *sourceTree) readTar(r io.Reader) error {
	z, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return fmt.Errorf("it is not compressed with gzip: %w", err)
	}
	limited := &io.LimitedReader{R: z, N: maxUnpacked}
	in := tar.NewReader(limited)
	for {
		h, err := in.Next()
		switch {
		case err == io.EOF && limited.N > 0:
			return nil
		case limited.N <= 0:
			return fmt.Errorf("it unpacks to more than %d bytes", int64(maxUnpacked))
		case err != nil:
			return fmt.Errorf("it is not a tar archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := t.take(h.Name, func() (io.Reader, error) { return in, nil }); err != nil {
			return err
		}
	}
}

func (t *sourceTree) readZip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return fmt.Errorf("it is not a zip archive: %w", err)
	}
	for _, f := range z.File {
		if f.Mode().IsRegular() {
			if err := t.take(f.Name, func() (io.Reader, error) { return f.Open() }); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseRequiresTxt reads the file in which setuptools notes what a package requires: requirements below [EXTRA], [:MARKER] and [EXTRA:MARKER].
func parseRequiresTxt(data []byte) (all []string, err error) {
	var conditions []string
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if section, is := strings.CutPrefix(text, "["); is {
			section = strings.TrimSuffix(section, "]")
			extra, marker, _ := strings.Cut(section, ":")
			conditions = nil
			if extra != "" {
				conditions = append(conditions, fmt.Sprintf("extra == %q", extra))
			}
			if marker != "" {
				conditions = append(conditions, "("+marker+")")
			}
			continue
		}
		if len(conditions) > 0 {
			text += " ; " + strings.Join(conditions, " and ")
		}
		if _, err := pep508.ParseRequirement(text); err != nil {
			return nil, fmt.Errorf("requires.txt: %w", err)
		}
		all = append(all, text)
	}
	return all, nil
}
