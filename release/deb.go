package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// A debFile is a file of a package.
type debFile struct {
	data []byte
	mode int64
}

// A deb is a Debian binary package: deb(5). files are by path, without a slash at the beginning.
type deb struct {
	control string // without Installed-Size
	files   map[string]debFile
	time    time.Time
}

// bytes packs it. All belongs to root and has the same time, whoever packs.
func (d *deb) bytes() ([]byte, error) {
	var sums strings.Builder
	size := 0
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(d.files[name].data), name)
		size += (len(d.files[name].data) + 1023) / 1024
	}
	size += len(folders(d.files)) // as dpkg-gencontrol counts
	control, err := d.tar(map[string]debFile{
		"control": {[]byte(fmt.Sprintf("%sInstalled-Size: %d\n", d.control, size)), 0o644},
		"md5sums": {[]byte(sums.String()), 0o644},
	})
	if err != nil {
		return nil, err
	}
	data, err := d.tar(d.files)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, member := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", control}, {"data.tar.gz", data}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", member.name, d.time.Unix(), 0, 0, 0o100644, len(member.data))
		b.Write(member.data)
		if len(member.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}

// tar returns a compressed archive of the files and their folders.
func (d *deb) tar(files map[string]debFile) ([]byte, error) {
	all := folders(files)
	maps.Copy(all, files)
	var b bytes.Buffer
	packed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(all)) { // a folder before what is in it
		f := all[name]
		header := &tar.Header{Typeflag: tar.TypeReg, Name: "./" + name, Mode: f.mode, Size: int64(len(f.data)), ModTime: d.time, Uname: "root", Gname: "root", Format: tar.FormatGNU}
		if f.mode == folderMode {
			header.Typeflag = tar.TypeDir
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(archive.Close(), packed.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

const folderMode = 0o40755

// folders are the folders of the files, down from the root, by path with a slash at the end.
func folders(files map[string]debFile) map[string]debFile {
	all := map[string]debFile{"": {mode: folderMode}}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all[dir+"/"] = debFile{mode: folderMode}
		}
	}
	return all
}
