// Package netboot prepares Debian's installer for the mirror: an archive that a boot loader appends to the installer's initrd, so that
// the installer trusts the mirror's key and finds its packages there. It stands behind the image, beside what the mirror tells apt.
package netboot

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A file of an initrd.
type file struct {
	name string // relative to the root
	mode uint32 // permissions
	data []byte
}

const (
	typeFolder  = 0o040000
	typeRegular = 0o100000
)

// pack makes a cpio archive of files and the folders to them, in the format "newc" of Linux
// (Documentation/driver-api/early-userspace/buffer-format.rst). All belong to root, and have no times.
func pack(files []file) []byte {
	var folders []string
	for _, f := range files {
		for dir := path.Dir(f.name); dir != "."; dir = path.Dir(dir) {
			folders = append(folders, dir)
		}
	}
	slices.Sort(folders)
	var b bytes.Buffer
	inode := 0
	add := func(name string, mode uint32, data []byte) {
		inode++
		// Magic, then in 8 hexadecimal digits each: inode, mode, uid, gid, links, mtime, size, device (4 fields), length of the name, check.
		fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		align(&b, 4)
		b.Write(data)
		align(&b, 4)
	}
	for _, dir := range slices.Compact(folders) {
		add(dir, typeFolder|0o755, nil)
	}
	for _, f := range files {
		add(f.name, typeRegular|f.mode, f.data)
	}
	add("TRAILER!!!", 0, nil)
	align(&b, 512)
	return b.Bytes()
}

func align(b *bytes.Buffer, to int) { b.WriteString(strings.Repeat("\x00", (to-b.Len()%to)%to)) }
