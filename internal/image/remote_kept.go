package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// A keptRepository keeps what it reads in a folder: manifests and configurations, verified, and parts of layers, which the caller
// verifies. What is there is not asked for.
type keptRepository struct {
	repository
	dir   string
	used  map[string]bool // names of files
	found int             // of them that were there
}

// keptFolder is the folder's name beside those of the cache.
const keptFolder = "image"

func keep(r repository, dir string) (*keptRepository, error) {
	k := &keptRepository{repository: r, dir: filepath.Join(dir, keptFolder), used: map[string]bool{}}
	return k, os.MkdirAll(k.dir, 0o755)
}

// read returns a file that is there, or nil.
func (k *keptRepository) read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(k.dir, name))
	if err != nil {
		return nil
	}
	return data
}

// write keeps a file. If that fails, it is read again at the next start.
func (k *keptRepository) write(name string, data []byte) {
	k.used[name] = true
	_ = atomicfile.Write(filepath.Join(k.dir, name), data, 0o644)
}

// Manifest returns a manifest that was asked for by digest from the folder.
func (k *keptRepository) Manifest(ctx context.Context, reference string) (data []byte, mediaType, digest string, err error) {
	hex, byDigest := strings.CutPrefix(reference, "sha256:")
	if byDigest {
		mediaType, text, _ := bytes.Cut(k.read("manifest-"+hex), []byte("\n"))
		if catalog.DigestOf(text) == reference {
			k.used["manifest-"+hex] = true
			k.found++
			return text, string(mediaType), reference, nil
		}
	}
	data, mediaType, digest, err = k.repository.Manifest(ctx, reference)
	if err == nil && !strings.Contains(mediaType, "\n") {
		k.write("manifest-"+strings.TrimPrefix(digest, "sha256:"), append([]byte(mediaType+"\n"), data...))
	}
	return data, mediaType, digest, err
}

// Blob returns a small blob.
func (k *keptRepository) Blob(ctx context.Context, b registry.Blob) io.ReadCloser {
	name := "blob-" + strings.TrimPrefix(b.Digest, "sha256:")
	if data := k.read(name); data != nil && catalog.DigestOf(data) == b.Digest {
		k.used[name] = true
		k.found++
		return io.NopCloser(bytes.NewReader(data))
	}
	body := k.repository.Blob(ctx, b)
	data, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return io.NopCloser(failing{err})
	}
	k.write(name, data)
	return io.NopCloser(bytes.NewReader(data))
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// part returns a file with a part of a layer.
func (k *keptRepository) part(ctx context.Context, b registry.Blob, offset, size int64) (*os.File, error) {
	name := fmt.Sprintf("part-%s-%d-%d", strings.TrimPrefix(b.Digest, "sha256:"), offset, size)
	path := filepath.Join(k.dir, name)
	k.used[name] = true
	if file, length, err := openRegular(func(flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }); err == nil {
		if length == size {
			k.found++
			return file, nil
		}
		file.Close()
	}
	body, err := k.repository.Part(ctx, b, offset, size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, err := atomicfile.CreateFile(path, 0o644)
	if err != nil {
		return nil, keptHint(err)
	}
	if n, err := io.Copy(file, io.LimitReader(body, size)); err != nil || n != size {
		file.Abort()
		if err == nil {
			err = artifact.Verifyf("the layer ends %d bytes too early", size-n)
		}
		return nil, keptHint(err)
	}
	if err := file.Commit(); err != nil {
		return nil, keptHint(err)
	}
	return os.Open(path)
}

func keptHint(err error) error {
	var disk *os.PathError
	if errors.As(err, &disk) {
		return artifact.Hint(err, "the catalog of the image must fit into the cache's folder, beside the files: free some space, or name another folder with --cache")
	}
	return err
}

// forget removes what is kept.
func (k *keptRepository) forget() {
	clear(k.used)
	k.found = 0
	k.tidy()
}

// tidy removes what is kept of other images.
func (k *keptRepository) tidy() {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !k.used[e.Name()] {
			os.Remove(filepath.Join(k.dir, e.Name()))
		}
	}
}
