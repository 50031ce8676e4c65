package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/fec"
)

// Names of a bundle's files.
const (
	HeaderName   = "minimirror.bundle.json"
	MinisignName = HeaderName + ".minisig"
	OpenPGPName  = HeaderName + ".asc"
	SumsName     = "SHA256SUMS"
)

// Version is the version of the format.
const Version = 1

// Ways to encrypt parts. The empty text: not at all.
const (
	Age     = "age"
	OpenPGP = "openpgp"
)

// Forms of a bundle. The empty text: parts of a tar.
const Files = "files" // one file for each blob

// A Header says what a bundle consists of. It is signed.
type Header struct {
	Version  int    `json:"version"`
	ID       string `json:"id"` // 64 hexadecimal digits; see PlanID
	Sequence int64  `json:"sequence"`
	Created  string `json:"created"` // RFC 3339, UTC, whole seconds
	// Name is the name of the stream of bundles: sequences count for each name and signer.
	Name   string          `json:"name"`
	Form   string          `json:"form,omitempty"`
	Base   *Base           `json:"base,omitempty"`
	Images []content.Image `json:"images"`
	Blobs  []content.Blob  `json:"blobs"` // in the order of the tar
	// Encryption is Age, OpenPGP or empty.
	Encryption string   `json:"encryption,omitempty"`
	Recipients []string `json:"recipients,omitempty"` // those of age as age writes them, "passphrase", or fingerprints of OpenPGP
	PartSize   int64    `json:"partSize"`             // bytes as carried, at most; 0 in the form "files"
	PartCount  int      `json:"partCount"`
	Parts      []Part   `json:"parts,omitempty"` // sorted by number
	// FEC describes the parity of all parts; nil: there is none.
	FEC *fec.Layout `json:"fec,omitempty"`
}

// A Base is what the destination must have: the blobs that are left out.
type Base struct {
	Blobs   []content.Blob  `json:"blobs"`             // sorted by digest
	Receipt string          `json:"receipt,omitempty"` // the id of the receipt that says that the destination has them
	Images  []digest.Digest `json:"images,omitempty"`  // or the images of which they are a part
}

// A Part is a file with a piece of the bundle.
type Part struct {
	Number int    `json:"number"` // from 1
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes as carried
	SHA256 string `json:"sha256"` // as carried: 64 hexadecimal digits
	Clear  Clear  `json:"clear"`
	Medium int    `json:"medium,omitempty"` // from 1, of several
}

// Clear describes a part before it is encrypted.
type Clear struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Encode writes the header in its canonical form.
func (h *Header) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(h)
	return b.Bytes(), err
}

// maxHeader is how many bytes a header may have: 100,000 blobs have about 20 MB.
const maxHeader = 48 << 20

// ReadHeader reads a header whose signature has been verified, and checks that it makes sense. The errors are artifact.ErrVerify.
func ReadHeader(data []byte) (*Header, error) {
	h, err := parseHeader(data)
	if err == nil {
		_, err = h.Plan()
	}
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return nil, artifact.Verifyf("%s: %w", HeaderName, err)
	}
	return h, nil
}

func parseHeader(data []byte) (*Header, error) {
	if len(data) > maxHeader {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), maxHeader)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, err
	}
	if version.Version != Version {
		err := fmt.Errorf("version %d, and this program reads %d", version.Version, Version)
		if version.Version > Version {
			err = artifact.Hint(err, "import it with the program that made it, or a newer one")
		}
		return nil, err
	}
	h := new(Header)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		return nil, err
	}
	canonical, err := h.Encode()
	if err == nil && !bytes.Equal(canonical, data) {
		err = errors.New("not in the canonical form")
	}
	return h, err
}

// Time is when the bundle was created.
func (h *Header) Time() (time.Time, error) {
	t, err := time.Parse(time.RFC3339, h.Created)
	if err != nil || t.UTC().Format(time.RFC3339) != h.Created {
		return t, fmt.Errorf("created %q: not a time in UTC", h.Created)
	}
	return t, nil
}

// Part finds the part with this number; nil: the header does not list it.
func (h *Header) Part(number int) *Part {
	for i := range h.Parts {
		if h.Parts[i].Number == number {
			return &h.Parts[i]
		}
	}
	return nil
}

// Missing are the numbers of the parts that the header does not list.
func (h *Header) Missing() (numbers []int) {
	listed := make(map[int]bool, len(h.Parts))
	for _, p := range h.Parts {
		listed[p.Number] = true
	}
	for n := 1; n <= h.PartCount; n++ {
		if !listed[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
