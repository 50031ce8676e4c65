package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
)

// madeUp is a header of blobs with these sizes.
func madeUp(t testing.TB, partSize int64, sizes ...int64) *Header {
	t.Helper()
	h := &Header{Version: Version, Sequence: 1, Created: "2026-12-01T00:00:00Z", Name: "site", PartSize: partSize}
	for i, size := range sizes {
		h.Blobs = append(h.Blobs, content.Blob{Digest: digest.FromString(fmt.Sprint(i)), Size: size, MediaType: v1.MediaTypeImageManifest})
	}
	h.Images = []content.Image{{Name: "site:1", Descriptor: v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: h.Blobs[0].Digest, Size: h.Blobs[0].Size}}}
	complete(t, h)
	return h
}

// complete sets what follows from the rest.
func complete(t testing.TB, h *Header) {
	t.Helper()
	plan, err := h.Plan()
	if err != nil {
		t.Fatal(err)
	}
	h.PartCount = len(plan.Parts)
	if h.ID, err = h.PlanID(); err != nil {
		t.Fatal(err)
	}
}

// The parts, one behind the other, are a tar that has every entry; what fits into a part is not cut.
func TestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		partSize := MinPartSize + random.Int64N(1<<20)
		limit := ClearLimit(partSize)
		sizes := make([]int64, 1+random.IntN(12))
		for i := range sizes {
			sizes[i] = []int64{0, 1, 511, 512, random.Int64N(4 * limit), limit - 1024, limit - 512, limit, random.Int64N(4096)}[random.IntN(9)]
		}
		h := madeUp(t, partSize, sizes...)
		plan, err := h.Plan()
		if err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		for _, part := range plan.Parts {
			from := whole.Len()
			for _, piece := range plan.Pieces(part.Number) {
				e := plan.Entries[piece.Entry]
				if piece.Head > 0 {
					head, err := e.Header()
					if err != nil || int64(len(head)) != piece.Head {
						t.Fatal(len(head), piece.Head, err)
					}
					whole.Write(head)
				}
				if piece.Size < e.Size && e.end("")-e.start <= limit {
					t.Errorf("%d parts of %d: entry %d of %d bytes is cut", len(plan.Parts), limit, piece.Entry, e.Size)
				}
				whole.Write(bytes.Repeat([]byte{byte(piece.Entry)}, int(piece.Size)))
				whole.Write(make([]byte, piece.Pad))
			}
			if part.Number == len(plan.Parts) {
				whole.Write(make([]byte, 1024))
			}
			if got := int64(whole.Len() - from); got != part.Size || got > partSize || got == 0 {
				t.Fatalf("part %d of %d has %d bytes, planned %d, at most %d", part.Number, len(plan.Parts), got, part.Size, partSize)
			}
		}
		r := tar.NewReader(&whole)
		for i := range plan.Entries {
			e := &plan.Entries[i]
			header, err := r.Next()
			if err != nil || header.Name != e.Path || header.Size != e.Size {
				t.Fatalf("entry %d: %v, %v", i, header, err)
			}
			data, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, int(e.Size))) {
				t.Fatalf("entry %d: other content: %v", i, err)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Fatal(err)
		}
	}
}

func TestHeader(t *testing.T) {
	h := madeUp(t, MinPartSize, 100, 1<<20)
	h.Parts = []Part{{Number: 2, Name: PartName(2, ""), Size: ClearLimit(MinPartSize), SHA256: strings.Repeat("0", 64), Clear: Clear{ClearLimit(MinPartSize), strings.Repeat("0", 64)}}}
	data, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadHeader(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if again, _ := read.Encode(); !bytes.Equal(again, data) {
		t.Errorf("written again: %s", again)
	}
	if missing := fmt.Sprint(read.Missing()); !strings.HasPrefix(missing, "[1 3 4") || read.Part(2) == nil || read.Part(1) != nil {
		t.Errorf("missing: %s", missing)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"version": 1`, `"version": 2`, "a newer one"},
		{`"version": 1`, `"version": 0`, "version 0"},
		{`"sequence": 1`, `"sequence": 1,"extra": 2`, "unknown field"},
		{`"sequence": 1`, `"sequence": 0`, "sequence 0"},
		{`"sequence": 1`, `"Sequence": 1`, "canonical"},
		{`"sequence": 1`, `"sequence": 1, "sequence": 1`, "canonical"},
		{`12-01T`, `13-01T`, "not a time"},
		{`"name": "site",`, `"name": "Site",`, "the id is"},
		{`"name": "site:1",`, `"name": "site:2",`, "the id is"},
		{`"size": 100,`, `"size": 101,`, "the id is"},
		{`"size": 100,`, `"size": -1,`, "must not be negative"},
		{`"number": 2`, `"number": 3`, "named"},
		{`"number": 2`, `"number": 99`, "not from 1"},
		{`part-0002`, `../art-0002`, "named"},
		{`"sha256": "0000`, `"sha256": "000`, "hexadecimal"},
		{`"sha256": "0000`, `"sha256": "1000`, "different in the clear"},
		{`"partCount": `, `"partCount": 1`, "parts, and what it lists"},
		{`"partSize": `, `"partSize": 1`, "the id is"},
		{`"partSize": 262144`, `"partSize": 1`, "parts of 1 bytes"},
		{`{`, ``, "invalid character"},
	} {
		changed := strings.Replace(string(data), c.old, c.new, 1)
		if changed == string(data) {
			t.Errorf("%s is not there", c.old)
		}
		if _, err := ReadHeader([]byte(changed)); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s: %v, want %q", c.old, c.new, err, c.want)
		}
	}
}
