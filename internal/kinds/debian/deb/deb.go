// Package deb reads the control data of .deb files (deb(5)), for packages that no archive lists. It takes what dpkg takes, reads a file
// once from its beginning to its end, and holds little of it in memory, whatever the file's size and whoever made it.
//
// pault.ag/go/debian/deb is not used: it takes members in a random order, so that of two control.tar either counts; it reads sizes
// below zero; and it does not keep the text of the fields, which the mirror's index repeats.
package deb

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/compression"
)

const (
	maxControl    = 1<<20 - 1<<10 // bytes of the file control: apt reads no stanza that is larger than 1 MiB
	maxControlTar = 64 << 20      // bytes of all files beside it, decoded: md5sums, scripts, templates
	maxVersion    = 100           // bytes of debian-binary
)

// Encodings of the two archives in a package, as suffixes of their names: those that dpkg knows for each.
var (
	controlEncodings = []string{"", ".gz", ".xz", ".zst"}
	dataEncodings    = []string{"", ".gz", ".xz", ".zst", ".bz2", ".lzma"}
)

// ReadControl returns the text of a package's control file, and reads the package to its end. The error says why dpkg could
// not install it. The content of data.tar is not examined beyond its beginning.
func ReadControl(r io.Reader) (control []byte, err error) {
	a, err := newArchive(r)
	if err != nil {
		return nil, err
	}
	if err := readVersion(a); err != nil {
		return nil, err
	}
	for {
		m, err := a.next()
		switch {
		case err == io.EOF && control == nil:
			return nil, errors.New("it has no control.tar")
		case err == io.EOF:
			return nil, errors.New("it has no data.tar")
		case err != nil:
			return nil, err
		case strings.HasPrefix(m.name, "_"): // of other programs, such as a signature
			continue
		}
		want, encodings := "data.tar", dataEncodings
		if control == nil {
			want, encodings = "control.tar", controlEncodings
		}
		suffix, found := strings.CutPrefix(m.name, want)
		switch {
		case !found:
			return nil, fmt.Errorf("it has a member %q where %s should be", m.name, want)
		case !slices.Contains(encodings, suffix):
			return nil, fmt.Errorf("%s has a compression that dpkg does not read", m.name)
		}
		if control == nil {
			control, err = readControlTar(m, suffix)
		} else {
			err = readDataTar(m, suffix)
		}
		if err != nil {
			return nil, m.wrap(err)
		}
		if want == "data.tar" {
			return control, a.drain()
		}
	}
}

// readVersion reads the member debian-binary, which says "2.0" of this format.
func readVersion(a *archive) error {
	m, err := a.next()
	if err == io.EOF || err == nil && m.name != "debian-binary" {
		return errors.New("it is an ar archive but not a Debian package: the first member is not debian-binary")
	}
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(m, maxVersion))
	if err != nil {
		return m.wrap(err)
	}
	version, _, ended := strings.Cut(string(text), "\n")
	if major, minor, found := strings.Cut(version, "."); !ended || !found || major != "2" || strings.Trim(minor, "0123456789") != "" || minor == "" {
		return fmt.Errorf("debian-binary: the format has version %q, not 2.0", version)
	}
	return nil
}

// decoded reads a member without its compression.
func decoded(m *member, suffix string) (io.ReadCloser, error) {
	decode := compression.Decoder(suffix)
	if decode == nil {
		return io.NopCloser(m), nil
	}
	return decode(m)
}

// readControlTar returns the file control of a control.tar.
func readControlTar(m *member, suffix string) ([]byte, error) {
	content, err := decoded(m, suffix)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	limited := &io.LimitedReader{R: content, N: maxControlTar + 1}
	var control []byte
	for files := tar.NewReader(limited); ; {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, tooLarge(limited, err)
		}
		name := path.Clean("./" + h.Name)
		switch {
		case strings.HasPrefix(h.Name, "/") || slices.Contains(strings.Split(h.Name, "/"), ".."):
			return nil, fmt.Errorf("%q leads outside", h.Name)
		case name != "control":
			continue
		case h.Typeflag != tar.TypeReg:
			return nil, errors.New("control is not a regular file")
		case control != nil:
			return nil, errors.New("it has two files control")
		case h.Size > maxControl:
			return nil, fmt.Errorf("control has %d bytes, which is more than apt can read", h.Size)
		}
		if control, err = io.ReadAll(files); err != nil {
			return nil, tooLarge(limited, err)
		}
		if len(bytes.TrimSpace(control)) == 0 {
			return nil, errors.New("control is empty")
		}
	}
	if _, err := io.Copy(io.Discard, limited); err != nil || limited.N <= 0 { // what follows may have the checksum
		return nil, tooLarge(limited, err)
	}
	if control == nil {
		return nil, errors.New("it has no file control")
	}
	return control, nil
}

func tooLarge(l *io.LimitedReader, err error) error {
	if l.N <= 0 {
		return fmt.Errorf("it has more than %d bytes", maxControlTar)
	}
	return err
}

// readDataTar checks that the files of a package begin as a tar archive does.
func readDataTar(m *member, suffix string) error {
	content, err := decoded(m, suffix)
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := tar.NewReader(content).Next(); err != nil && err != io.EOF {
		return err
	}
	return nil
}
