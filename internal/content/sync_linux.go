package content

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFS forces the file system of an open file to the disk: one call for many small files.
func syncFS(f *os.File) error { return unix.Syncfs(int(f.Fd())) } //nolint:gosec // a descriptor is small
