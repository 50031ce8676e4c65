//go:build !linux

package image

import "os"

// A tree is an os.Root; see the one for Linux.
type tree struct{ *os.Root }

func newTree(root *os.Root) (*tree, error) { return &tree{root}, nil }

func (t *tree) OpenFile(name string, flag int) (*os.File, error) {
	return t.Root.OpenFile(name, flag, 0)
}
