package images

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

func digestType(text string) digest.Digest { return digest.Digest(text) }

// nameIn is the name in the store of the blob with a digest.
func (l *local) nameIn(digest string) string {
	if name := l.blobs[digest]; name != "" {
		return name
	}
	return v1.ImageBlobsDir + "/" + strings.Replace(digest, ":", "/", 1)
}

// openBlob opens the blob with a digest. A negative size means unknown.
func (l *local) openBlob(d v1.Descriptor) (io.ReadSeekCloser, int64, error) {
	digest := string(d.Digest)
	if !validDigest(digest) {
		return nil, 0, l.errorf("%q is not a digest", digest)
	}
	if data, found := l.made[digest]; found {
		return &memory{bytes.NewReader(data)}, int64(len(data)), nil
	}
	f, size, err := l.store.open(l.nameIn(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, l.errorf("%s is missing: %w", digest, err)
	}
	if err != nil {
		return nil, 0, l.errorf("%s: %w", digest, err)
	}
	if d.Size >= 0 && size != d.Size {
		f.Close()
		return nil, 0, l.errorf("%s: %w", digest, artifact.Verifyf("size mismatch: got %d bytes, want %d", size, d.Size))
	}
	return f, size, nil
}

// memory is a file in memory.
type memory struct{ *bytes.Reader }

func (*memory) Close() error { return nil }

// blob implements content.
func (l *local) blob(_ context.Context, _ string, d v1.Descriptor, limit int64) ([]byte, error) {
	f, size, err := l.openBlob(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, l.errorf("%s: larger than %d bytes", d.Digest, limit)
	}
	data, err := io.ReadAll(f)
	if err == nil {
		err = contentOf(string(d.Digest), size).VerifyData(data)
	}
	if err != nil {
		return nil, l.errorf("%s: %w", d.Digest, err)
	}
	return data, nil
}

// readManifest reads a manifest or an index.
func (l *local) readManifest(d v1.Descriptor) (*manifest, error) {
	data, err := l.blob(context.Background(), "", d, maxManifest)
	if err != nil {
		return nil, err
	}
	mediaType, err := manifestType(data)
	if err != nil {
		return nil, l.errorf("%s: %w", d.Digest, err)
	}
	if mediaType == "" {
		mediaType = d.MediaType
	}
	return &manifest{v1.Descriptor{MediaType: mediaType, Digest: d.Digest, Size: int64(len(data))}, data}, nil
}

// manifestType is the type that a manifest states, or that follows from its fields: OCI image specification 1.1, manifest.md and image-index.md.
func manifestType(data []byte) (string, error) {
	var m struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Config        json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return "", fmt.Errorf("not a manifest: %w", err)
	}
	switch {
	case m.MediaType != "":
		return m.MediaType, nil
	case m.SchemaVersion == 1:
		return "", errors.New("it is a manifest of Docker's schema 1, which no current client reads")
	case m.Manifests != nil:
		return v1.MediaTypeImageIndex, nil
	case m.Config != nil:
		return v1.MediaTypeImageManifest, nil
	}
	return "", errors.New("it is neither a manifest nor an index")
}

// file implements content. It reads all of the file.
func (l *local) file(ctx context.Context, _, folder string, d v1.Descriptor) (artifact.File, error) {
	path := filePath(folder, string(d.Digest))
	l.mu.Lock()
	f, known := l.pinned[path]
	l.mu.Unlock()
	if known {
		return f, nil
	}
	r, size, err := l.openBlob(d)
	if err != nil {
		return artifact.File{}, err
	}
	defer r.Close()
	want := contentOf(string(d.Digest), size)
	h := want.Hasher()
	if _, err := io.Copy(h, &untilDone{ctx, r}); err != nil {
		return artifact.File{}, l.errorf("%s: %w", d.Digest, err)
	}
	if err := want.Verify(h.Sum()); err != nil {
		return artifact.File{}, l.errorf("%s: %w", d.Digest, err)
	}
	f = artifact.File{Path: path, Size: size, SHA256: h.Sum().SHA256, URLs: []string{l.addressOf(string(d.Digest))}}
	l.mu.Lock()
	l.pinned[path] = f
	l.mu.Unlock()
	return f, nil
}

// addressOf is the address of the blob with a digest. If the archive lacks it, its bytes are in the address itself: RFC 2397.
func (l *local) addressOf(digest string) string {
	if data, found := l.made[digest]; found {
		return "data:application/json;base64," + base64.StdEncoding.EncodeToString(data)
	}
	return l.store.address(l.nameIn(digest))
}

// untilDone is a reader that stops when the context is done.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.Reader.Read(p)
}
