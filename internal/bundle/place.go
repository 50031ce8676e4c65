package bundle

import (
	"archive/tar"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
)

// IsAt reports whether a folder or a file has a bundle: a folder with a header or its copy, or a tar that begins with a header. A tar that is damaged may have one anywhere.
func IsAt(place string) bool {
	info, err := os.Stat(place)
	if err != nil {
		return false
	}
	if info.IsDir() {
		return slices.ContainsFunc([]string{HeaderName, path.Join(CopyFolder, HeaderName)}, func(name string) bool {
			_, err := os.Stat(filepath.Join(place, name))
			return err == nil
		})
	}
	file, err := artifact.OpenFile(place)
	if err != nil {
		return false
	}
	defer file.Close()
	if first, err := tar.NewReader(file).Next(); err == nil {
		return path.Clean(first.Name) == HeaderName
	}
	m, err := medium.OpenArchive(place, IsFileName)
	if err != nil {
		return false
	}
	defer m.Close()
	files, err := m.List(context.Background())
	return err == nil && slices.ContainsFunc(files, func(f medium.File) bool { return path.Base(f.Name) == HeaderName })
}
