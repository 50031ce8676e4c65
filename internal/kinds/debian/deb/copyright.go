package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

const docFolder = "usr/share/doc"

// ReadCopyright finds a package's copyright file (Policy 12.5), usr/share/doc/PACKAGE/copyright, and returns its text, or the name of the
// package whose file it is, if it is a link there. Both are empty: the package has none, or one with more than limit bytes. It reads no
// further than necessary.
func ReadCopyright(r io.Reader, limit int64) (text []byte, sameAs string, err error) {
	a, err := newArchive(r)
	if err != nil {
		return nil, "", err
	}
	if err := readVersion(a); err != nil {
		return nil, "", err
	}
	var control []byte
	for {
		m, err := a.next()
		if err == io.EOF {
			return nil, "", errors.New("it has no data.tar")
		}
		if err != nil {
			return nil, "", err
		}
		if suffix, found := strings.CutPrefix(m.name, "control.tar"); found && control == nil && slices.Contains(controlEncodings, suffix) {
			if control, err = readControlTar(m, suffix); err != nil {
				return nil, "", m.wrap(err)
			}
		}
		suffix, found := strings.CutPrefix(m.name, "data.tar")
		if !found || !slices.Contains(dataEncodings, suffix) {
			continue
		}
		name := deb822.StanzaField(string(control), "Package")
		if !deb822.ValidPackageName(name) {
			return nil, "", fmt.Errorf("control: %q is not the name of a package", name)
		}
		content, err := decoded(m, suffix)
		if err != nil {
			return nil, "", m.wrap(err)
		}
		defer content.Close()
		if text, sameAs, err = findCopyright(tar.NewReader(content), name, limit); err != nil {
			err = m.wrap(err)
		}
		return text, sameAs, err
	}
}

func findCopyright(files *tar.Reader, pkg string, limit int64) (text []byte, sameAs string, err error) {
	folder := path.Join(docFolder, pkg)
	for {
		h, err := files.Next()
		if err == io.EOF {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		name := path.Clean("./" + h.Name)
		switch {
		case name == folder && h.Typeflag == tar.TypeSymlink:
			return nil, packageOf(target(docFolder, h.Linkname), pkg), nil
		case name != path.Join(folder, "copyright"):
		case h.Typeflag == tar.TypeSymlink:
			return nil, packageOf(path.Dir(target(folder, h.Linkname)), pkg), nil
		case h.Typeflag == tar.TypeReg && h.Size <= limit:
			text, err = io.ReadAll(files)
			return text, "", err
		default:
			return nil, "", nil
		}
	}
}

// target is where a link in a folder leads, without the first slash.
func target(folder, link string) string {
	if path.IsAbs(link) {
		return path.Clean(link)[1:]
	}
	return path.Join(folder, link)
}

// packageOf is the package whose documentation a folder has; empty: none, or pkg itself.
func packageOf(folder, pkg string) string {
	name, found := strings.CutPrefix(folder, docFolder+"/")
	if !found || name == pkg || !deb822.ValidPackageName(name) {
		return ""
	}
	return name
}
