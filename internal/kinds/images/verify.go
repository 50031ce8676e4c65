package images

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// VerifyUpstream implements artifact.Verifier: each image must consist of what its manifests name, and one whose signature the definition asked for must
// have a signature by one of the keys. The definition vouches for the others: it pins their digests.
//
// The keys are public keys in PEM, as cosign writes them; files with keys of other formats are for other kinds.
func (Kind) VerifyUpstream(ctx context.Context, pins artifact.Pins, files []artifact.KeyFile, open func(name string) (io.ReadCloser, error)) (vouched artifact.Vouched, err error) {
	var keys []signature.Key
	for _, file := range files {
		if !openpgp.IsPEM(file.Data) {
			continue
		}
		key, err := signature.ReadPublic(file.Name, file.Data)
		if err != nil {
			return vouched, fmt.Errorf("--keyring: %w", err)
		}
		keys = append(keys, key)
	}
	for s := range pins.Sources {
		source := &pins.Sources[s]
		by, unsigned := make(map[string]int), 0
		for i := range pins.Items {
			item := &pins.Items[i]
			if item.Source != source.Name {
				continue
			}
			if err := ctx.Err(); err != nil {
				return vouched, err
			}
			v := verification{item: item, open: open}
			signer, err := v.verify(keys)
			if err != nil {
				return vouched, fmt.Errorf("images: %s: %w", item.ID(), err)
			}
			vouched.Items = append(vouched.Items, item.ID())
			if signer == "" {
				vouched.Unsigned = append(vouched.Unsigned, item.ID())
				unsigned++
			} else {
				by[signer]++
			}
		}
		vouched.Report = append(vouched.Report, registryName(source.Name)+": "+reportOf(by, unsigned))
	}
	return vouched, nil
}

// reportOf says how many images each key has signed.
func reportOf(by map[string]int, unsigned int) string {
	var parts []string
	for name, n := range by {
		parts = append(parts, fmt.Sprintf("%s signed with the key in %s", counted(n), name))
	}
	slices.Sort(parts)
	if unsigned > 0 || parts == nil {
		parts = append(parts, counted(unsigned)+" by the digests of the definition's lock, without a signature by one of the keys")
	}
	return strings.Join(parts, "; ")
}

func counted(n int) string {
	if n == 1 {
		return "1 image"
	}
	return fmt.Sprintf("%d images", n)
}

// A verification is that of an item.
type verification struct {
	item *artifact.Item
	open func(name string) (io.ReadCloser, error)
}

// verify returns the name of the file with the key that has signed the image, or its index; empty: none has.
func (v *verification) verify(keys []signature.Key) (signer string, err error) {
	if err := v.contents(); err != nil {
		return "", err
	}
	found, err := v.signatures()
	if err != nil {
		return "", err
	}
	digests := []string{digestOf(v.item)}
	if manifest := manifestOf(v.item); manifest != digests[0] {
		digests = append(digests, manifest)
	}
	if verified, err := signature.Verify(keys, digests, found); err == nil {
		return verified.Key.File, nil
	}
	asked := strings.Join(values(v.item.Metadata, keySigned), ", ")
	switch {
	case asked == "":
		return "", nil
	case len(found) == 0:
		return "", artifact.Verifyf("the lock says that it was signed with %s, and it has no signature", asked)
	}
	return "", artifact.Hint(artifact.Verifyf("it was signed with %s: no signature is valid with a public key (PEM) of --keyring", asked),
		"name the key of each registry's images: --keyring cosign.pub; --keyring may be repeated")
}

// contents wants the files to be what the digests in the manifests name, from the digest of the item on.
func (v *verification) contents() error {
	p := partsOf(v.item)
	if digestOfFile(p.root) != digestOf(v.item) {
		return artifact.Verifyf("its first file is %s, not the manifest %s", p.root.Path, digestOf(v.item))
	}
	list, err := v.manifest(p.root)
	if err != nil {
		return err
	}
	chain := p.above
	if p.manifest != p.root {
		chain = append(slices.Clone(chain), p.manifest)
	}
	for _, next := range chain {
		if !slices.ContainsFunc(list.Manifests, func(d v1.Descriptor) bool { return d.Digest.String() == digestOfFile(next) }) {
			return artifact.Verifyf("the index does not have the manifest %s", digestOfFile(next))
		}
		if list, err = v.manifest(next); err != nil {
			return err
		}
	}
	files := p.own()
	for _, d := range list.blobs() {
		at := slices.IndexFunc(files, func(f *artifact.File) bool { return digestOfFile(f) == d.Digest.String() })
		if at < 0 {
			return artifact.Verifyf("it lacks the blob %s", d.Digest)
		}
		if err := v.named(files[at]); err != nil {
			return err
		}
	}
	return nil
}

// named wants a file to have the digest that its path names. What its SHA-256 is, the image itself is verified against.
func (v *verification) named(f *artifact.File) error {
	want := contentOf(digestOfFile(f), f.Size)
	if want.SHA256 != "" {
		if want.SHA256 != f.SHA256 {
			return artifact.Verifyf("%s: sha256 mismatch: got %s", f.Path, f.SHA256)
		}
		return nil
	}
	content, err := v.open(v.item.FileID(f))
	if err == nil {
		err = want.VerifyFile(content)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil
}

// manifest reads and verifies a manifest.
func (v *verification) manifest(f *artifact.File) (list *document, err error) {
	data, err := v.read(f, maxManifest)
	if err == nil {
		err = contentOf(digestOfFile(f), int64(len(data))).VerifyData(data)
	}
	if err == nil {
		list, err = parseDocument(data, "")
	}
	if err != nil {
		return list, fmt.Errorf("%s: %w", f.Path, err)
	}
	return list, nil
}

func (v *verification) read(f *artifact.File, limit int64) ([]byte, error) {
	if f.Size > limit {
		return nil, artifact.Verifyf("it has %d bytes, more than the %d that are read", f.Size, limit)
	}
	content, err := v.open(v.item.FileID(f))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, limit+1))
	if err != nil {
		return nil, err
	}
	return data, f.Content().VerifyData(data)
}

// signatures are the blobs of what is attached that can be signatures. Those of the index sign all its platforms.
func (v *verification) signatures() (found []signature.Found, err error) {
	p := partsOf(v.item)
	blobs := make(map[string]*artifact.File)
	for _, f := range p.attached {
		if folder, digest, _ := parseFilePath(f.Path); folder == blobFolder {
			blobs[digest] = f
		}
	}
	for _, f := range p.attached {
		if folder, _, _ := parseFilePath(f.Path); folder != manifestFolder {
			continue
		}
		list, err := v.manifest(f)
		if err != nil {
			return nil, err
		}
		for _, d := range list.Layers {
			blob := blobs[d.Digest.String()]
			if blob == nil || !signature.IsSignature(d.MediaType) || blob.Size > signature.MaxSize {
				continue
			}
			data, err := v.read(blob, signature.MaxSize)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", blob.Path, err)
			}
			found = append(found, signature.Found{MediaType: d.MediaType, Annotations: d.Annotations, Data: data})
		}
	}
	return found, nil
}
