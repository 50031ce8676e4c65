package receipt

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	_ "crypto/sha512" // digests may be sha512

	"github.com/opencontainers/go-digest"
)

// Blobs is a set of digests. The zero value is empty.
type Blobs struct {
	sizes map[digest.Digest]int64 // 0 if the set was decoded
	bytes int64
}

// Add adds a blob of that size. A digest that is there stays as it is.
func (b *Blobs) Add(d digest.Digest, size int64) {
	if _, found := b.sizes[d]; found {
		return
	}
	if b.sizes == nil {
		b.sizes = make(map[digest.Digest]int64)
	}
	b.sizes[d] = size
	b.bytes += size
}

// Has reports whether the digest is in the set.
func (b *Blobs) Has(d digest.Digest) bool {
	_, found := b.sizes[d]
	return found
}

// Len is how many there are.
func (b *Blobs) Len() int { return len(b.sizes) }

// Bytes is the size of all of them.
func (b *Blobs) Bytes() int64 { return b.bytes }

// All are the digests, sorted.
func (b *Blobs) All() []digest.Digest { return slices.Sorted(maps.Keys(b.sizes)) }

// remove takes a digest out.
func (b *Blobs) remove(d digest.Digest) {
	b.bytes -= b.sizes[d]
	delete(b.sizes, d)
}

// blobsJSON is the form of Blobs in a receipt; see the package's comment.
type blobsJSON struct {
	Count  int    `json:"count"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"`
	SHA512 string `json:"sha512,omitempty"`
}

// MarshalJSON writes the digests, sorted.
func (b Blobs) MarshalJSON() ([]byte, error) {
	raw := make(map[digest.Algorithm][]byte)
	for _, d := range b.All() {
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("digest %q: %w", string(d), err)
		}
		raw[d.Algorithm()] = append(raw[d.Algorithm()], bytesOf(d)...)
	}
	j := blobsJSON{Count: b.Len(), Bytes: b.bytes}
	for algorithm, data := range raw {
		into, err := j.field(algorithm)
		if err != nil {
			return nil, err
		}
		*into = base64.StdEncoding.EncodeToString(data)
	}
	return json.Marshal(j)
}

func (j *blobsJSON) field(a digest.Algorithm) (*string, error) {
	switch a {
	case digest.SHA256:
		return &j.SHA256, nil
	case digest.SHA512:
		return &j.SHA512, nil
	}
	return nil, fmt.Errorf("a receipt has no digests by %s", a)
}

// bytesOf are the bytes of a valid digest.
func bytesOf(d digest.Digest) []byte {
	raw, err := hex.DecodeString(d.Encoded())
	if err != nil {
		panic(err) // Validate has seen the digits
	}
	return raw
}

// UnmarshalJSON refuses digests that are cut off, out of order or repeated.
func (b *Blobs) UnmarshalJSON(data []byte) error {
	var j blobsJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*b = Blobs{sizes: make(map[digest.Digest]int64)}
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		text, err := j.field(algorithm)
		if err != nil {
			return err
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(*text)
		if err != nil {
			return fmt.Errorf("blobs: %s: %w", algorithm, err)
		}
		if len(raw)%algorithm.Size() != 0 {
			return fmt.Errorf("blobs: %s: %d bytes are not digests of %d bytes", algorithm, len(raw), algorithm.Size())
		}
		var before digest.Digest
		for one := range slices.Chunk(raw, algorithm.Size()) {
			d := digest.NewDigestFromBytes(algorithm, one)
			if d <= before {
				return fmt.Errorf("blobs: %s is out of order", d)
			}
			b.sizes[d], before = 0, d
		}
	}
	if b.bytes = j.Bytes; j.Count != len(b.sizes) || j.Bytes < 0 {
		return fmt.Errorf("blobs: %d digests, and a count of %d", len(b.sizes), j.Count)
	}
	return nil
}
