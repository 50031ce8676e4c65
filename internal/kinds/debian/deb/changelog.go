package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/compression"
)

const (
	maxChangelog = 32 << 20 // bytes of a changelog, decoded: the largest in Debian has 3 MB
	maxRatio     = 500      // of data.tar: a larger one is an attack
	minData      = 64 << 20 // bytes of data.tar that are always read
)

// ReadChangelogs returns the changelogs that a package installs for itself (Policy 12.7): that of the Debian package and that of a
// rebuild for one architecture; or, without these, that of a native package. None: it has no changelog, or its folder is a link to the folder of
// another package.
func ReadChangelogs(r io.Reader, name, architecture string) (texts []string, err error) {
	a, err := newArchive(r)
	if err != nil {
		return nil, err
	}
	for {
		m, err := a.next()
		if err == io.EOF {
			return nil, errors.New("it has no data.tar")
		}
		if err != nil {
			return nil, err
		}
		if suffix, found := strings.CutPrefix(m.name, "data.tar"); found {
			texts, err := readChangelogs(m, suffix, path.Join("usr/share/doc", name), architecture)
			if err != nil {
				return nil, m.wrap(err)
			}
			return texts, nil
		}
	}
}

// readChangelogs reads a data.tar as far as needed.
func readChangelogs(m *member, suffix, folder, architecture string) (texts []string, err error) {
	content, err := decoded(m, suffix)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	limit := max(minData, maxRatio*m.size)
	limited := &io.LimitedReader{R: content, N: limit}
	var native string
	for files := tar.NewReader(limited); ; {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil && limited.N <= 0 {
			return nil, fmt.Errorf("it has more than %d bytes", limit)
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean("./" + h.Name)
		if path.Dir(name) != folder {
			if texts != nil {
				break // files of one folder follow each other
			}
			continue
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		is, packed := strings.CutSuffix(path.Base(name), ".gz")
		if is != "changelog" && is != "changelog.Debian" && is != "changelog.Debian."+architecture {
			continue
		}
		text, err := readChangelog(files, packed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if is == "changelog" {
			native = text
		} else {
			texts = append(texts, text)
		}
	}
	if texts == nil && native != "" {
		texts = []string{native}
	}
	return texts, nil
}

func readChangelog(r io.Reader, packed bool) (string, error) {
	if packed {
		decoder, err := compression.Decoder(".gz")(r)
		if err != nil {
			return "", err
		}
		defer decoder.Close()
		r = decoder
	}
	text, err := io.ReadAll(io.LimitReader(r, maxChangelog+1))
	if err == nil && len(text) > maxChangelog {
		err = fmt.Errorf("it has more than %d bytes", maxChangelog)
	}
	return string(text), err
}
