package requirements

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Pin is a version of a project that a lock file names, with the files that may be used.
type Pin struct {
	Project string // normalised
	Version pep440.Version
	// Index is the address of the simple index that it comes from; empty: the lock file does not say.
	Index string
	Files []PinnedFile
	Where string // "uv.lock: requests"
}

// A PinnedFile is a wheel or a source distribution of a pin.
type PinnedFile struct {
	Name   string
	URL    string // empty: only the index knows it
	Size   int64  // bytes; 0: unknown
	Hashes []Hash // one or more
}

// A Selection says what of a lock file is wanted besides what is always installed.
type Selection struct {
	Environment pep508.Environment
	Extras      []string // normalised
	Groups      []string // normalised
}

// decode reads TOML. An error names the line.
func decode(name string, data []byte, into any) error {
	if len(data) > maxFile {
		return fmt.Errorf("%s: the file is larger than %d bytes", name, maxFile)
	}
	err := toml.Unmarshal(data, into)
	var position *toml.DecodeError
	if errors.As(err, &position) {
		row, column := position.Position()
		return fmt.Errorf("%s:%d: column %d: %w", name, row, column, err)
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// pinned checks the name and the version of a package.
func pinned(name, version string) (Pin, error) {
	if !pep508.ValidName(name) {
		return Pin{}, fmt.Errorf("%s is not the name of a project", abridged(name))
	}
	if version == "" {
		return Pin{}, artifact.Hint(fmt.Errorf("%s has no version", name), "packages with a version that only their source knows cannot be carried: put them on an index")
	}
	v, err := pep440.Parse(version)
	if err != nil {
		return Pin{}, fmt.Errorf("%s: %w", name, err)
	}
	return Pin{Project: pep508.NormalizeName(name), Version: v}, nil
}

// pinnedFile checks what a lock file says of a file.
func pinnedFile(name, address string, size int64, hashes []Hash) (PinnedFile, error) {
	if name == "" {
		u, err := url.Parse(address)
		if err != nil {
			return PinnedFile{}, fmt.Errorf("%s is not an address", abridged(address))
		}
		name = path.Base(u.Path)
	}
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00"):
		return PinnedFile{}, fmt.Errorf("%s is not the name of a file", abridged(name))
	case size < 0:
		return PinnedFile{}, fmt.Errorf("%s: the size is %d", name, size)
	case len(hashes) == 0:
		return PinnedFile{}, artifact.Hint(fmt.Errorf("%s has no hash that can be verified", name), "let the tool that wrote the lock file add sha256")
	}
	return PinnedFile{name, address, size, hashes}, nil
}

// notFromIndex is the error about a package that does not come from an index.
func notFromIndex(name, source string) error {
	return artifact.Hint(fmt.Errorf("%s comes from %s, and not from an index", name, source), "put the package on an index, and lock again")
}
