package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A local is what a folder or a file has: an image layout (OCI image specification 1.1, image-layout.md), or an archive as "docker save"
// makes it. Everything in it is verified when it is pinned.
type local struct {
	origin string // as written in the definition, for messages
	store  store
	images []localImage
	// blobs are the names in the store of what has another name there than a layout gives it, by digest.
	blobs map[string]string
	// made are manifests that the archive lacks, by digest.
	made map[string][]byte

	attached func() (map[string][]v1.Descriptor, error) // by the digest of their subject

	mu     sync.Mutex
	pinned map[string]artifact.File // by path: what many images share is read once
}

// A localImage is a manifest or an index with a name.
type localImage struct {
	localName
	descriptor v1.Descriptor
}

// A store has the files of a layout.
type store interface {
	// open opens a file; fs.ErrNotExist if there is none.
	open(name string) (io.ReadSeekCloser, int64, error)
	// address is that of a file that open opens, relative to the definition's folder.
	address(name string) string
	Close() error
}

// openLocal opens a folder or a file. It must be closed.
func openLocal(ctx context.Context, s *source) (*local, error) {
	file := s.from.text
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.dir, file)
	}
	l := &local{origin: string(s.from.way) + ":" + s.from.text, blobs: make(map[string]string), made: make(map[string][]byte), pinned: make(map[string]artifact.File)}
	l.attached = sync.OnceValues(l.findAttached)
	var err error
	if s.from.way == fromLayout {
		l.store, err = openFolder(file, s.from.text)
	} else {
		l.store, err = openTar(file, s.from.text)
	}
	if err == nil {
		if err = l.readNames(ctx, s); err != nil {
			l.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("images: %s: %w", l.origin, err)
	}
	return l, nil
}

// Close closes the folder or file.
func (l *local) Close() error { return l.store.Close() }

// readNames reads which images there are. An archive of a newer Docker has both lists; its manifests are in the layout.
func (l *local) readNames(ctx context.Context, s *source) error {
	data, err := readStore(l.store, v1.ImageIndexFile)
	if err == nil {
		return l.readIndex(s.registry, data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.from.way == fromLayout {
		return artifact.Hint(errors.New("it is not an image layout: there is no index.json"), "name the folder that has oci-layout and index.json")
	}
	data, err = readStore(l.store, "manifest.json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return artifact.Hint(errors.New("it is not an archive of images: it has neither index.json nor manifest.json"),
			"make it with: skopeo copy docker://NAME:TAG oci-archive:FILE:NAME:TAG, or with docker save or podman save")
	case err != nil:
		return err
	}
	return l.readDocker(ctx, s.registry, data)
}

// maxList is how large the list of the images of a layout or an archive may be, in bytes.
const maxList = 64 << 20

// readStore reads a small file.
func readStore(s store, name string) ([]byte, error) {
	f, size, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxList {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxList)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// readIndex reads the list of a layout.
func (l *local) readIndex(registry string, data []byte) error {
	var index v1.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return fmt.Errorf("%s: %w", v1.ImageIndexFile, err)
	}
	for _, d := range index.Manifests {
		if !validDigest(string(d.Digest)) {
			return fmt.Errorf("%s: %q is not a digest", v1.ImageIndexFile, d.Digest)
		}
		if err := l.add(localImage{nameOf(d.Annotations, registry), d}); err != nil {
			return err
		}
	}
	return nil
}

// add adds an image. Two with the same name must be the same image.
func (l *local) add(i localImage) error {
	for _, o := range l.images {
		if o.localName == i.localName && i.tag != "" && o.descriptor.Digest != i.descriptor.Digest {
			return artifact.Hint(fmt.Errorf("%s names two images: %s and %s", i.text, o.descriptor.Digest, i.descriptor.Digest),
				"images for several platforms need an index that has them all: write it with skopeo copy --all, or take each by its digest from a folder without names")
		}
	}
	l.images = append(l.images, i)
	return nil
}

// errorf is an error about the origin.
func (l *local) errorf(format string, args ...any) error {
	return fmt.Errorf(l.origin+": "+format, args...)
}

// repositories implements content.
func (l *local) repositories(context.Context) (all []string, err error) {
	bare := false
	for _, i := range l.images {
		switch {
		case i.ours && i.repository != "":
			all = append(all, i.repository)
		case i.ours && i.tag != "":
			bare = true
		}
	}
	if len(all) == 0 {
		if bare {
			return nil, artifact.Hint(l.errorf("its names are tags without a repository: %s", l.names()), "write the repository into take without * and ?, such as acme/app:*")
		}
		return nil, artifact.Hint(l.errorf("it has no image with a name of this registry: %s", l.names()), localHint)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

const localHint = "a name without a registry, such as acme/app:1.4, counts for any registry; give the image another name with docker tag or skopeo copy, or take it by its digest"

// tags implements content. An image that is named by a tag alone is in every repository.
func (l *local) tags(_ context.Context, repository string) (all []string, err error) {
	for _, i := range l.images {
		if i.ours && i.tag != "" && (i.repository == repository || i.repository == "") {
			all = append(all, i.tag)
		}
	}
	if len(all) == 0 {
		return nil, l.absent(repository)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// manifest implements content. By digest, every repository has all manifests of the layout.
func (l *local) manifest(_ context.Context, repository, version string) (*manifest, error) {
	if validDigest(version) {
		d := v1.Descriptor{Digest: digestType(version), Size: -1}
		for _, i := range l.images {
			if i.descriptor.Digest == d.Digest {
				d = i.descriptor
			}
		}
		return l.readManifest(d)
	}
	for _, repository := range []string{repository, ""} {
		for _, i := range l.images {
			if i.ours && i.tag == version && i.repository == repository {
				return l.readManifest(i.descriptor)
			}
		}
	}
	return nil, l.absent(versioned(repository, version))
}

// absent is the error that a name is not there; it lists what the origin has instead.
func (l *local) absent(name string) error {
	return artifact.Hint(l.errorf("%s: %w", name, fs.ErrNotExist), "it has: %s. %s", l.names(), localHint)
}

// names lists the images of the origin, for messages.
func (l *local) names() string {
	var all []string
	for _, i := range l.images {
		name := i.text
		if name == "" {
			name = string(i.descriptor.Digest) + " without a name"
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	const most = 8
	switch n := len(all); {
	case n == 0:
		return "no images"
	case n > most:
		all = append(all[:most], fmt.Sprintf("and %d others", n-most))
	}
	return strings.Join(all, ", ")
}
