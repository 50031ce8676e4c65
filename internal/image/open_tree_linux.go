package image

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A tree is an os.Root that opens a file with one system call: openat2(2) lets the
// kernel enforce the root, while os.Root opens each folder on the path.
type tree struct {
	*os.Root
	dir *os.File
}

func newTree(root *os.Root) (*tree, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &tree{root, dir}, nil
}

// OpenFile opens for reading. If openat2 fails, it falls back to os.Root: a
// kernel or a sandbox may not support the call.
func (t *tree) OpenFile(name string, flag int) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flag | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(int(t.dir.Fd()), name, &how)
	if err != nil {
		return t.Root.OpenFile(name, flag, 0)
	}
	return os.NewFile(uintptr(fd), filepath.Join(t.dir.Name(), name)), nil
}

func (t *tree) Close() error {
	t.dir.Close()
	return t.Root.Close()
}
