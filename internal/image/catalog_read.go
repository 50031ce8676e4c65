package image

import (
	"archive/tar"
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"unique"

	"github.com/minimirror/minimirror/internal/artifact"
)

// FormatVersion is the Catalog.Version that this program reads and writes.
const FormatVersion = 1

// findCatalog returns the catalog's file from the tar of the last layer, which
// may hold nothing beside it but folders.
func findCatalog(layer blob) (io.Reader, error) {
	r := layer.reader()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errForeign("its last layer has no " + CatalogPath)
		case err != nil:
			return nil, fmt.Errorf("last layer: %w", err)
		}
		name := path.Clean("/" + header.Name)[1:]
		switch {
		case header.Typeflag == tar.TypeDir:
		case name != CatalogPath:
			return nil, errForeign(fmt.Sprintf("its last layer holds %q, not the catalog alone", name))
		case !plainFile(header):
			return nil, fmt.Errorf("last layer: %s is not a regular file", CatalogPath)
		default:
			start, err := r.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			if header.Size > r.Size()-start {
				return nil, fmt.Errorf("last layer: %w", io.ErrUnexpectedEOF)
			}
			return io.NewSectionReader(r, start, header.Size), nil
		}
	}
}

// ReadCatalog reads a catalog's JSON. It does not check what the catalog says.
func ReadCatalog(r io.Reader) (*Catalog, error) { return readCatalog(r, false) }

// readCatalog reads a catalog piece by piece: that of 60,000 artifacts is 80 MB.
// Where it is to be brief, artifacts come without URLs and Metadata, two thirds of that.
func readCatalog(r io.Reader, brief bool) (*Catalog, error) {
	d := catalogDecoder{json.NewDecoder(bufio.NewReaderSize(r, 1<<16)), brief}
	catalog, err := d.catalog()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return catalog, nil
}

type catalogDecoder struct {
	*json.Decoder
	brief bool
}

// A briefArtifact is an Artifact; its own fields hide the two that are left out.
type briefArtifact struct {
	artifact.Artifact
	URLs     ignored `json:"urls"`
	Metadata ignored `json:"metadata"`
}

type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

func (d catalogDecoder) catalog() (*Catalog, error) {
	if err := d.delimiter('{'); err != nil {
		return nil, err
	}
	c, seen := new(Catalog), map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if seen[key] {
			return nil, fmt.Errorf("key %q twice", key)
		}
		seen[key] = true
		if key != "version" && c.Version == 0 {
			return nil, errForeign(`its catalog does not begin with "version"`)
		}
		if err := d.value(c, key); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if err := d.delimiter('}'); err != nil {
		return nil, err
	}
	if c.Version == 0 {
		return nil, errForeign(`its catalog has no "version"`)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more follows its end")
	}
	return c, nil
}

// value reads the value of a key of the catalog.
func (d catalogDecoder) value(c *Catalog, key string) error {
	switch key {
	case "version":
		if err := d.Decode(&c.Version); err != nil {
			return err
		}
		if c.Version != FormatVersion {
			return artifact.Hint(fmt.Errorf("%d, and this program reads %d", c.Version, FormatVersion),
				"use the program that the image holds: /%s", ProgramPath)
		}
		return nil
	case "name":
		return d.Decode(&c.Name)
	case "date":
		return d.Decode(&c.Date)
	case "lock":
		return d.Decode(&c.Lock)
	case "sources":
		return d.Decode(&c.Sources)
	case "sets":
		return d.Decode(&c.Sets)
	case "artifacts":
		if !d.brief {
			return each(d, func(a *artifact.Artifact) { c.Artifacts = append(c.Artifacts, *shareText(a)) })
		}
		return each(d, func(a *briefArtifact) { c.Artifacts = append(c.Artifacts, *shareText(&a.Artifact)) })
	case "files":
		return each(d, func(f *File) { c.Files = append(c.Files, *f) })
	}
	var unknown json.RawMessage
	return d.Decode(&unknown)
}

// each reads an array, or null, and hands over its elements.
func each[T any](d catalogDecoder, take func(*T)) error {
	if token, err := d.Token(); err != nil || token == nil {
		return err
	} else if token != json.Delim('[') {
		return fmt.Errorf("%v where [ belongs", token)
	}
	for n := 0; d.More(); n++ {
		var element T
		if err := d.Decode(&element); err != nil {
			return fmt.Errorf("%d: %w", n, err)
		}
		take(&element)
	}
	return d.delimiter(']')
}

// shareText keeps one copy of texts that most artifacts have in common.
func shareText(a *artifact.Artifact) *artifact.Artifact {
	for _, text := range []*string{&a.Kind, &a.Source, &a.Architecture} {
		*text = unique.Make(*text).Value()
	}
	for i, channel := range a.Channels {
		a.Channels[i] = unique.Make(channel).Value()
	}
	return a
}

func (d catalogDecoder) delimiter(want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v where %v belongs", token, want)
	}
	return nil
}
