package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/signed"
)

// A signedHeader is a header whose signature is good, and where it is.
type signedHeader struct {
	header *Header
	by     signed.By
	medium medium.Medium // nil: a stream
}

// readHeader reads and verifies the header of a medium.
func (im *Importer) readHeader(ctx context.Context, m medium.Medium) (*signedHeader, error) {
	h, by, err := ReadFrom(ctx, m, im.Keys)
	return &signedHeader{h, by, m}, err
}

// ReadFrom reads the header of the bundle on a medium, and verifies that one of the keys has signed it. If the header is damaged, its copy is used, if there is
// one.
func ReadFrom(ctx context.Context, m medium.Medium, keys []signed.Key) (*Header, signed.By, error) {
	h, by, err := readHeaderIn(ctx, m, "", keys)
	if err == nil {
		return h, by, nil
	}
	copied, copyBy, e := readHeaderIn(ctx, m, CopyFolder+"/", keys)
	if e == nil || errors.Is(err, errNoBundle) && !errors.Is(e, errNoBundle) {
		return copied, copyBy, e
	}
	return h, by, err
}

// errNoBundle is the error if there is no header.
var errNoBundle = errors.New("there is no bundle: no " + HeaderName)

// readHeaderIn reads the header of a folder of the medium, whose name ends with a slash.
func readHeaderIn(ctx context.Context, m medium.Medium, folder string, keys []signed.Key) (*Header, signed.By, error) {
	data, err := readSmall(ctx, m, folder+HeaderName, maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, signed.By{}, artifact.Hint(errNoBundle, "name the folder or the file that minimirror export wrote")
	}
	if err != nil {
		return nil, signed.By{}, err
	}
	signatures := map[string][]byte{}
	for _, suffix := range []string{signed.Minisig, signed.Armored} {
		signature, err := readSmall(ctx, m, folder+HeaderName+suffix, maxSignature)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, signed.By{}, err
		}
		signatures[suffix] = signature
	}
	return verifyHeader(keys, data, signatures)
}

func verifyHeader(keys []signed.Key, data []byte, signatures map[string][]byte) (*Header, signed.By, error) {
	by, err := signed.Verify(keys, data, signatures)
	if err != nil {
		return nil, by, artifact.Hint(fmt.Errorf("%s: %w", HeaderName, err), "import only what somebody signed whose key you have from them: --verify-key; if the export was interrupted, run it again")
	}
	h, err := ReadHeader(data)
	return h, by, err
}

// merge joins the headers of one bundle. What they must not differ in is named.
func merge(headers []*signedHeader) (*Header, signed.By, error) {
	first := headers[0]
	merged := *first.header
	merged.Parts = nil
	for _, other := range headers {
		h := other.header
		switch {
		case other.by.Key != first.by.Key:
			return nil, first.by, artifact.Verifyf("%s is signed with %s, and %s with %s: parts of one bundle must have the same signer", where(first), first.by.Key, where(other), other.by.Key)
		case h.ID != merged.ID:
			return nil, first.by, artifact.Hint(artifact.Verifyf("%s has the bundle %s (%s, sequence %d), and %s has %s (%s, sequence %d)", where(first), short(merged.ID), merged.Name, merged.Sequence, where(other), short(h.ID), h.Name, h.Sequence),
				"import bundles one after the other, the lowest sequence first")
		case h.Encryption != merged.Encryption || !slices.Equal(h.Recipients, merged.Recipients):
			return nil, first.by, artifact.Verifyf("%s is for the recipients %v, and %s for %v: parts of one bundle must have the same", where(first), merged.Recipients, where(other), h.Recipients)
		}
		if h.Sequence > merged.Sequence {
			merged.Sequence, merged.Created = h.Sequence, h.Created
		}
		for _, p := range h.Parts {
			known := merged.Part(p.Number)
			if known == nil {
				at, _ := slices.BinarySearchFunc(merged.Parts, p.Number, func(p Part, n int) int { return p.Number - n })
				merged.Parts = slices.Insert(merged.Parts, at, p)
			} else if known.Clear != p.Clear {
				return nil, first.by, artifact.Verifyf("two headers list part %d with different content: %s and %s; the last is in %s", p.Number, short(known.Clear.SHA256), short(p.Clear.SHA256), where(other))
			}
		}
	}
	return &merged, first.by, nil
}

func where(h *signedHeader) string {
	if h.medium == nil {
		return "the stream"
	}
	return h.medium.String()
}

// short is the beginning of a digest, for people.
func short(id string) string { return id[:min(12, len(id))] }
