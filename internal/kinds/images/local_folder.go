package images

import (
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A folder is an image layout in a folder. Links in it must not lead out of it.
type folder struct {
	*os.Root
	base string // as it is written, with slashes
}

func openFolder(dir, base string) (*folder, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return nil, artifact.Hint(&os.PathError{Op: "open", Path: dir, Err: os.ErrInvalid}, "oci: is for folders; write oci-archive: or docker-archive: for a file")
	}
	if err != nil {
		return nil, artifact.Hint(err, "the path is relative to the definition's folder")
	}
	root, err := os.OpenRoot(dir)
	return &folder{root, base}, err
}

func (f *folder) open(name string) (io.ReadSeekCloser, int64, error) {
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return f.OpenFile(filepath.FromSlash(name), os.O_RDONLY|flag, 0) })
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (f *folder) address(name string) string {
	return (&url.URL{Path: path.Join(f.base, name)}).String()
}
