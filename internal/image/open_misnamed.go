package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// skopeoDir is the transport of containers-transports(5) for what "podman save --format docker-dir"
// writes, too. It is not read.
const skopeoDir = "dir"

// misnamed adds the right reference to an error if the path has an image of another type.
func misnamed(ref Reference, err error) error {
	var hint *artifact.HintError
	if err == nil || ref.Path == "" || errors.As(err, &hint) || errors.Is(err, artifact.ErrVerify) {
		return err
	}
	info, statErr := os.Stat(ref.Path)
	if statErr != nil {
		if text := ref.String(); ref.Transport != Anywhere && isThere(text) {
			return hintPath(err, text)
		}
		return err
	}
	switch is := transportAt(ref.Path, ref.Transport); is {
	case "":
		if !info.IsDir() && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrNotExist)) {
			return artifact.Hint(err, "an image's archive is a tar file with %s or %s, compressed or not: minimirror build, docker save, podman save and skopeo copy write one", v1.ImageLayoutFile, dockerManifestFile)
		}
		return err
	case ref.Transport:
		return err
	case skopeoDir:
		return artifact.Hint(err, "a folder that skopeo or podman wrote: skopeo copy dir:%[1]s oci:%[1]s-oci, then name the image as oci:%[1]s-oci", ref.Path)
	default:
		return artifact.Hint(err, "write %s:%s for what is there", is, ref.Path)
	}
}

// transportAt returns the transport for a path, or "". If an archive fits two transports, it returns the wanted one.
func transportAt(path, wanted string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if !isThere(filepath.Join(path, name)) {
				return false
			}
		}
		return true
	}
	switch {
	case !info.IsDir():
		return archiveAt(path, wanted)
	case has(v1.ImageLayoutFile), has(v1.ImageIndexFile, v1.ImageBlobsDir):
		return OCI
	case has(dockerManifestFile, "version"):
		return skopeoDir
	case has(layout.HeadName), has(filepath.Join(layout.Root, layout.HeadName)):
		return Unpacked
	}
	return ""
}

// archiveAt returns the type of an archive, unless it is compressed.
func archiveAt(path, wanted string) string {
	a, err := openArchive(path)
	if err != nil {
		return ""
	}
	defer a.Close()
	oci, docker := a.has(v1.ImageLayoutFile), a.has(dockerManifestFile)
	switch {
	case oci && (wanted == OCIArchive || !docker):
		return OCIArchive
	case docker:
		return DockerArchive
	}
	return ""
}
