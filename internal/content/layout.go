package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Layout is a Source: a folder in the OCI image layout, or an archive of one.
type Layout struct {
	name  string // the reference, for errors
	want  string // the image's name; empty: all
	files files
}

// files are the files of a layout, by slash-separated name.
type files interface {
	open(name string, offset int64) (body io.ReadCloser, size int64, err error)
	Close() error
}

// OpenLayout opens the folder dir. If name is not empty, Images lists only the image of this name, or with this digest, and what is attached to it.
func OpenLayout(dir, name string) (*Layout, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return newLayout("oci:"+dir, name, folder{root})
}

// OpenArchive opens the file, an uncompressed tar of a layout; see OpenLayout.
func OpenArchive(file, name string) (*Layout, error) {
	a, err := openTar(file)
	if err != nil {
		return nil, err
	}
	return newLayout("oci-archive:"+file, name, a)
}

func newLayout(ref, name string, f files) (*Layout, error) {
	l := &Layout{name: ref, want: name, files: f}
	if name != "" {
		l.name += ":" + name
	}
	var version v1.ImageLayout
	err := l.document(v1.ImageLayoutFile, &version)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: not an OCI image layout: %w", ref, err)
	} else if err == nil && version.Version != v1.ImageLayoutVersion {
		err = fmt.Errorf("%s: %s: version %q, and this program reads %q", ref, v1.ImageLayoutFile, version.Version, v1.ImageLayoutVersion)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Layout) String() string { return l.name }

// Close closes the folder or the archive.
func (l *Layout) Close() error { return l.files.Close() }

// Index is the layout's index.json.
func (l *Layout) Index() (index v1.Index, err error) {
	err = l.document(v1.ImageIndexFile, &index)
	return index, err
}

func (l *Layout) document(name string, document any) error {
	body, size, err := l.files.open(name, 0)
	if err != nil {
		return err
	}
	defer body.Close()
	if size > MaxManifest {
		return fmt.Errorf("%s: %s: %d bytes, more than the %d that are read", l, name, size, MaxManifest)
	}
	if err = json.NewDecoder(body).Decode(document); err != nil {
		err = fmt.Errorf("%s: %s: %w", l, name, err)
	}
	return err
}

// Open implements Source. The image does not matter: all share the blobs of the layout.
func (l *Layout) Open(_ context.Context, _ Image, b Blob, offset int64) (io.ReadCloser, error) {
	if err := CheckBlob(b); err != nil {
		return nil, err
	}
	body, size, err := l.files.open(BlobPath(b.Digest), offset)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", l, b.Digest, err)
	}
	if size != b.Size {
		return nil, errors.Join(artifact.Verifyf("%s: %s: size mismatch: got %d bytes, want %d", l, b.Digest, size, b.Size), body.Close())
	}
	return body, nil
}

// BlobPath is where a layout has a blob: blobs/ALGORITHM/DIGITS.
func BlobPath(d digest.Digest) string {
	return path.Join(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// A folder has files.
type folder struct{ root *os.Root }

func (f folder) open(name string, offset int64) (io.ReadCloser, int64, error) {
	file, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return f.root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

func (f folder) Close() error { return f.root.Close() }

// Images implements Source. What is attached to an image is in index.json as well: a manifest with a subject, or one with a name that is made
// from the image's digest, such as sha256-….sig.
func (l *Layout) Images(ctx context.Context) ([]Image, error) {
	index, err := l.Index()
	if err != nil {
		return nil, err
	}
	all := make([]Image, len(index.Manifests))
	for i, d := range index.Manifests {
		if err := CheckBlob(BlobOf(d)); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", l, v1.ImageIndexFile, err)
		}
		if all[i], err = l.image(ctx, d); err != nil {
			return nil, fmt.Errorf("%s: %w", l, err)
		}
	}
	return l.choose(ctx, all)
}

// image is an entry of index.json.
func (l *Layout) image(ctx context.Context, d v1.Descriptor) (Image, error) {
	im := Image{Name: d.Annotations[v1.AnnotationRefName], Descriptor: d}
	im.Annotations = nil
	for key, value := range d.Annotations {
		if key != v1.AnnotationRefName {
			if im.Annotations == nil {
				im.Annotations = map[string]string{}
			}
			im.Annotations[key] = value
		}
	}
	im.Subject = subjectOfName(im.Name)
	if im.Subject == "" && IsManifest(d.MediaType) {
		m, err := l.manifest(ctx, d)
		if err != nil {
			return im, err
		}
		if m.Subject != nil && m.Subject.Digest.Validate() == nil {
			im.Subject = m.Subject.Digest
		}
	}
	return im, nil
}

func (l *Layout) manifest(ctx context.Context, d v1.Descriptor) (*Manifest, error) {
	body, err := l.Open(ctx, Image{}, BlobOf(d), 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := ReadAll(body, BlobOf(d))
	if err != nil {
		return nil, err
	}
	return ReadManifest(data)
}

// subjectOfName is the digest in the tag of what is attached by its name: sha256-DIGITS, perhaps with .sig, .att or .sbom.
func subjectOfName(name string) digest.Digest {
	tag := name[strings.LastIndexAny(name, ":/")+1:]
	for _, algorithm := range []string{"sha256", "sha512"} {
		if digits, is := strings.CutPrefix(tag, algorithm+"-"); is {
			digits, _, _ = strings.Cut(digits, ".")
			if d := digest.NewDigestFromEncoded(digest.Algorithm(algorithm), digits); d.Validate() == nil {
				return d
			}
		}
	}
	return ""
}

// choose keeps the images that were asked for, each followed by what is attached to it, and to what is attached.
func (l *Layout) choose(ctx context.Context, all []Image) ([]Image, error) {
	taken := make([]bool, len(all))
	var chosen []Image
	var names []string
	take := func(i int) error {
		taken[i] = true
		for next := []Image{all[i]}; len(next) > 0; next = next[1:] {
			chosen = append(chosen, next[0])
			parts, err := l.members(ctx, next[0].Descriptor, 0)
			if err != nil {
				return err
			}
			for k, other := range all {
				if !taken[k] && other.Subject != "" && parts[other.Subject] {
					taken[k] = true
					next = append(next, other)
				}
			}
		}
		return nil
	}
	for i, im := range all {
		if im.Subject == "" || l.want != "" && im.Name == l.want {
			names = append(names, im.Title())
			if !taken[i] && (l.want == "" || im.Name == l.want || im.Digest.String() == strings.TrimPrefix(l.want, "@")) {
				if err := take(i); err != nil {
					return nil, err
				}
			}
		}
	}
	for i, im := range all {
		if l.want == "" && !taken[i] { // attached to what is not here
			chosen = append(chosen, im)
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%s: the layout has no images", l)
	case len(chosen) == 0:
		return nil, artifact.Hint(fmt.Errorf("%s: the layout has no image %q", l, l.want), "its images: %s", strings.Join(names, ", "))
	}
	return chosen, nil
}

// members are the digests of an image and of the images that it lists.
func (l *Layout) members(ctx context.Context, d v1.Descriptor, depth int) (map[digest.Digest]bool, error) {
	parts := map[digest.Digest]bool{d.Digest: true}
	if !IsIndex(d.MediaType) || depth > maxDepth {
		return parts, nil
	}
	m, err := l.manifest(ctx, d)
	if errors.Is(err, fs.ErrNotExist) && depth > 0 {
		return parts, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	for _, child := range m.Manifests {
		below, err := l.members(ctx, child, depth+1)
		if err != nil {
			return nil, err
		}
		for digest := range below {
			parts[digest] = true
		}
	}
	return parts, nil
}
