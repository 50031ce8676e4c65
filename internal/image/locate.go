package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// A place is where an image on this machine is: an unpacked tree, or a store.
type place struct {
	root  string // of a tree: the folder of everything that is served
	files store
	read  func() (*opened, error) // from the store
}

// locate finds an image on this machine. An archive that is compressed, or that comes
// from a pipe, is copied into a temporary file. Errors say what is there instead.
func locate(ctx context.Context, ref Reference, o Options) (*place, error) {
	p, err := locateAs(ctx, ref, o)
	if err != nil {
		return nil, misnamed(ref, err)
	}
	if read := p.read; read != nil {
		p.read = func() (*opened, error) {
			opened, err := read()
			return opened, misnamed(ref, err)
		}
	}
	return p, nil
}

// locateAs uses the reference exactly as written.
func locateAs(ctx context.Context, ref Reference, o Options) (*place, error) {
	switch ref.Transport {
	case Unpacked:
		if is := transportAt(ref.Path, ""); is == OCI || is == skopeoDir {
			return nil, errors.New("not an unpacked image")
		}
		if ref.Platform != "" && ref.Platform != AnyPlatform {
			return nil, artifact.Hint(artifact.Usagef("an unpacked image is for one platform, and does not say for which"), "leave the platform out")
		}
		return &place{root: treeRoot(ref.Path)}, nil
	case OCI:
		root, err := os.OpenRoot(ref.Path)
		if err != nil {
			return nil, err
		}
		return layoutPlace(&directory{root, map[string]*source{}}, ref), nil
	case OCIArchive, DockerArchive, Stdin:
		return locateFile(ctx, ref, o)
	case Anywhere:
		info, err := os.Stat(ref.Path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return locateFile(ctx, ref, o)
		}
		transport := transportAt(ref.Path, "")
		if transport == "" {
			return nil, errUnknown("a folder with neither %s nor %s", v1.ImageLayoutFile, layout.HeadName)
		}
		if transport == skopeoDir {
			return nil, errors.New("not an image that can be read") // misnamed adds the hint
		}
		ref.Transport = transport
		return locateAs(ctx, ref, o)
	}
	return nil, artifact.Usagef("unknown transport %q", ref.Transport)
}

// errUnknown is the error for a file or folder that is not an image. It names what is missing.
func errUnknown(format string, args ...any) error {
	return artifact.Hint(fmt.Errorf("not an image: "+format, args...),
		"an image is a folder in the OCI layout, an unpacked image, or an archive from minimirror build, docker save, podman save or skopeo copy, compressed or not")
}

// locateFile opens an archive. Without a transport, its content determines its type.
func locateFile(ctx context.Context, ref Reference, o Options) (*place, error) {
	files, err := locateArchive(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	open := ref.Transport == Stdin || ref.Transport == Anywhere
	switch {
	case ref.Transport == OCIArchive, open && files.has(v1.ImageLayoutFile):
		return layoutPlace(files, ref), nil
	case open && !files.cut && !files.has(dockerManifestFile):
		return nil, errors.Join(errUnknown("an archive with neither %s nor %s", v1.ImageLayoutFile, dockerManifestFile), files.Close())
	}
	return &place{files: files, read: func() (*opened, error) { return files.readDocker(ref) }}, nil
}

// treeRoot is the folder of all served files: dir, or mirror within it.
func treeRoot(dir string) string {
	inner := filepath.Join(dir, layout.Root)
	if _, err := os.Lstat(filepath.Join(dir, layout.HeadName)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(inner, layout.HeadName)); err == nil {
			return inner
		}
	}
	return dir
}

func layoutPlace(files store, ref Reference) *place {
	return &place{files: files, read: func() (*opened, error) { return readLayout(files, ref) }}
}

// locateArchive opens an archive, uncompressed if need be.
func locateArchive(ctx context.Context, ref Reference, o Options) (*archive, error) {
	if ref.Transport != Stdin {
		a, err := openArchive(ref.Path)
		var format compressedError
		if !errors.As(err, &format) {
			return a, err
		}
		if o.inPlace {
			return nil, artifact.Hint(err, "%s -d %s", string(format), ref.Path)
		}
		if o.Stdin, err = artifact.OpenFile(ref.Path); err != nil {
			return nil, err
		}
		defer o.Stdin.(io.Closer).Close()
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if file, ok := o.Stdin.(*os.File); ok {
		a, err := archiveInPlace(file)
		var format compressedError
		if a != nil || err != nil && (o.inPlace || !errors.As(err, &format)) {
			return a, err
		}
	}
	body, err := decompress(io.NopCloser(o.Stdin))
	if err != nil {
		return nil, err
	}
	file, err := spool(ctx, body, o.TempDir)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	source, err := sourceOf(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return newArchive(source)
}

// archiveInPlace uses a regular file that is already open, from its beginning. It returns nil
// if file is not a regular file.
func archiveInPlace(file *os.File) (*archive, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	if position, err := file.Seek(0, io.SeekCurrent); err != nil || position != 0 {
		return nil, err
	}
	descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	again := os.NewFile(uintptr(descriptor), file.Name())
	source, err := sourceOf(again)
	if err != nil {
		return nil, errors.Join(err, again.Close())
	}
	return newArchive(source)
}
