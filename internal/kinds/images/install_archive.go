package images

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// containerdName is the annotation of a descriptor in index.json from which containerd and podman read the name of the image.
const containerdName = "io.containerd.image.name"

// An imageArchive is an image as runtimes load it: an OCI archive with the files of the image alone, those of the item's platform. An index in
// it is whole in its bytes, and names manifests that are not there. Docker before version 25 reads manifest.json instead.
type imageArchive struct {
	item  *artifact.Item
	files map[*artifact.File]string // names below the root, of the image's own files
	root  *os.Root
}

// names are those by which a runtime is asked for the image: by tag and by digest.
func imageNames(i *artifact.Item) []string {
	byDigest := registryName(i.Source) + "/" + i.Name + "@" + digestOf(i)
	if tagOf(i) == "" {
		return []string{byDigest}
	}
	return []string{reference(i), byDigest}
}

// layoutIndex is the index.json that gives the image its names.
func layoutIndex(i *artifact.Item, names ...string) ([]byte, error) {
	p := partsOf(i)
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}}
	for _, name := range names {
		d, err := descriptorOf(i, p.root)
		if err != nil {
			return nil, err
		}
		d.Annotations = map[string]string{containerdName: name}
		index.Manifests = append(index.Manifests, d)
	}
	return json.Marshal(index)
}

func descriptorOf(i *artifact.Item, f *artifact.File) (d v1.Descriptor, err error) {
	if err := json.Unmarshal(fmt.Appendf(nil, `{"digest":%q}`, digestOfFile(f)), &d); err != nil {
		return d, err
	}
	d.MediaType, d.Size = typeOf(i, digestOfFile(f)), f.Size
	if d.MediaType == "" {
		return d, artifact.Verifyf("%s: the image does not state the type of its manifest", reference(i))
	}
	return d, nil
}


// A loadedImage is an entry of manifest.json, as "docker save" writes it. Docker wants lists, even if they are empty.
type loadedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerManifest is the manifest.json: it lists a layer as often as the image's manifest does.
func (a *imageArchive) dockerManifest() ([]byte, error) {
	p := partsOf(a.item)
	data, err := a.root.ReadFile(a.files[p.manifest])
	if err != nil {
		return nil, err
	}
	list, err := parseDocument(data, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.manifest.Path, err)
	}
	if list.Config == nil {
		return nil, artifact.Verifyf("%s: it has no configuration", p.manifest.Path)
	}
	one := loadedImage{Config: layoutPath(list.Config.Digest.String()), RepoTags: []string{}, Layers: []string{}}
	for _, layer := range list.Layers {
		one.Layers = append(one.Layers, layoutPath(layer.Digest.String()))
	}
	if tagOf(a.item) != "" {
		one.RepoTags = append(one.RepoTags, reference(a.item))
	}
	return json.Marshal([]loadedImage{one})
}

// layoutPath is where an OCI layout has a blob.
func layoutPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// write writes the archive, whose image has the names. Each file is verified on the way; the archive of one that is damaged has no end.
func (a *imageArchive) write(ctx context.Context, out io.Writer, names ...string) error {
	index, err := layoutIndex(a.item, names...)
	if err != nil {
		return err
	}
	docker, err := a.dockerManifest()
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	p := partsOf(a.item)
	for _, f := range p.own() {
		if err := a.copyFile(ctx, w, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	for _, small := range []struct {
		name string
		data []byte
	}{{v1.ImageLayoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {v1.ImageIndexFile, index}, {"manifest.json", docker}} {
		if err := w.WriteHeader(&tar.Header{Name: small.name, Mode: 0o644, Size: int64(len(small.data)), Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := w.Write(small.data); err != nil {
			return err
		}
	}
	return w.Close()
}

func (a *imageArchive) copyFile(ctx context.Context, w *tar.Writer, f *artifact.File) error {
	in, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return a.root.OpenFile(a.files[f], os.O_RDONLY|flag, 0) })
	if err != nil {
		return err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || info.Size() != f.Size {
		return errors.Join(err, artifact.Verifyf("size mismatch: want %d bytes", f.Size))
	}
	if err := w.WriteHeader(&tar.Header{Name: layoutPath(digestOfFile(f)), Mode: 0o644, Size: f.Size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	h := f.Content().Hasher()
	if _, err := io.Copy(io.MultiWriter(w, h), &contextReader{ctx, in}); err != nil {
		return err
	}
	return f.Content().Verify(h.Sum())
}

// A contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
