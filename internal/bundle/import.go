package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
)

// An Importer verifies bundles and stores their images. Nothing is visible at the destination before everything is verified.
type Importer struct {
	Keys    []signed.Key  // one of which must have signed the header
	Openers []seal.Opener // for encrypted bundles
	// Open opens the destinations of a bundle whose header is verified. The first gets the parts; the others are copied from it, so it must be a
	// content.LayoutSink if there are others.
	Open func(h *Header) ([]content.Sink, error)
	// Records remember what was imported.
	Records    []RecordFile
	AllowOlder bool // accept a sequence below that of the last import
	// Images changes the images before they become visible, such as their names. It may be nil.
	Images func(all []content.Image) ([]content.Image, error)
	Now    func() time.Time
	// Progress is called with each number of bytes of parts that are done, as carried. It may be nil.
	Progress func(bytes int64)
	// Scratch is a folder for parts that are restored, at most one at a time. Empty: that of temporary files.
	Scratch string
	// NoRepair leaves parts that are missing or damaged as they are: others may still come.
	NoRepair bool
	// Begin is called when the header is verified, with the number of bytes that Progress will add up to. It may be nil.
	Begin func(h *Header, by signed.By, bytes int64)

	header   *Header
	by       signed.By
	plan     *Plan
	sinks    []content.Sink
	first    content.PieceSink
	pieces   map[int][]Piece // by blob: those of blobs that are in several parts
	imported *Imported
	beyond   string                // why parity does not restore all parts
	pending  map[int]*ImportedPart // by number: what no header lists yet
	buffer   []byte
	together *carriedReader // the part that is being read
	all      bool           // every part is read, whether it is needed or not: see Verify
	carried  bool           // parts are not decrypted: see Verify
}

// An Imported says what an import has done, part by part.
type Imported struct {
	Header *Header
	By     signed.By
	Parts  []ImportedPart // sorted by number
	// Already is true if the destination had everything before.
	Already bool
	// Carried is true if an encrypted bundle was verified without its key: the parts are as the header says, and their content was not looked at.
	Carried bool
	// StreamRestored is how many bytes of a stream were lost on the way and restored from its parity, by whoever gave it to ImportStream.
	StreamRestored int64
}

// What was done with a part.
const (
	Verified = "verified"   // read now, and everything about it verified
	Repaired = "repaired"   // the same, after some of it was restored from parity
	Known    = "not needed" // its blobs are at the destination already, verified
	Bad      = "bad"
	Missing  = "missing"
)

// An ImportedPart is a part, and what was done with it.
type ImportedPart struct {
	Number int
	Name   string
	Medium string // where it was read
	Status string
	Size   int64  // as carried
	SHA256 string // as carried, computed now; empty: not read
	Err    error  // why it is bad
	// Restored is how many blocks of 4096 bytes were restored from parity.
	Restored int64
}

// Import reads the parts that are needed from media, of which each has the header of the same bundle.
func (im *Importer) Import(ctx context.Context, media []medium.Medium) (*Imported, error) {
	headers := make([]*signedHeader, len(media))
	for i, m := range media {
		h, err := im.readHeader(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		headers[i] = h
	}
	if err := im.begin(ctx, headers); err != nil {
		return im.imported, err
	}
	defer im.closeSinks()
	for _, planned := range im.plan.Parts {
		if err := im.importPart(ctx, planned.Number, headers); err != nil {
			return im.imported, err
		}
	}
	if err := im.repair(ctx, headers); err != nil {
		return im.imported, err
	}
	return im.imported, im.finish(ctx)
}

// importPart takes one part from the first medium that has it as its header says.
func (im *Importer) importPart(ctx context.Context, number int, headers []*signedHeader) error {
	result := ImportedPart{Number: number, Name: im.plan.Parts[number-1].Name, Status: Missing}
	needed, err := im.needs(ctx, number)
	if err != nil {
		return err
	}
	if !needed {
		result.Status = Known
		if p := im.header.Part(number); p != nil {
			im.progress(p.Size)
		}
	}
	for i := 0; needed && i < len(headers) && result.Status != Verified; i++ {
		p := headers[i].header.Part(number)
		if p == nil {
			continue
		}
		body, err := headers[i].medium.Open(ctx, p.Name, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var sum string
		if err == nil {
			sum, err = im.readPart(ctx, number, p, body)
			err = errors.Join(err, body.Close())
		} else {
			err = &partError{err}
		}
		if err != nil && (!isPartError(err) || errors.Is(err, seal.ErrNoIdentity)) {
			return err
		}
		result.Medium, result.Size, result.SHA256, result.Err = headers[i].medium.String(), p.Size, sum, err
		if result.Status = Verified; err != nil {
			result.Status = Bad
		}
	}
	im.imported.Parts = append(im.imported.Parts, result)
	return nil
}

// isPartError reports whether an error is about a part, not about this machine: other parts can still be read.
func isPartError(err error) bool {
	p := (*partError)(nil)
	return errors.As(err, &p) || errors.Is(err, artifact.ErrVerify)
}

// A partError is an error of the medium or of decryption.
type partError struct{ err error }

func (e *partError) Error() string { return e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

func (im *Importer) progress(n int64) {
	if im.Progress != nil {
		im.Progress(n)
	}
}

// begin checks everything that can be checked before a part is read, and opens the destinations.
func (im *Importer) begin(ctx context.Context, headers []*signedHeader) error {
	var err error
	if im.header, im.by, err = merge(headers); err != nil {
		return err
	}
	if err := im.checkOpeners(); err != nil {
		return err
	}
	if im.plan, err = im.header.Plan(); err != nil {
		return err
	}
	im.imported = &Imported{Header: im.header, By: im.by}
	im.buffer, im.pending = make([]byte, chunkSize), map[int]*ImportedPart{}
	for _, record := range im.Records {
		if err := record.check(im.header, im.by, im.AllowOlder); err != nil {
			return err
		}
	}
	im.findPieces()
	if im.sinks, err = im.Open(im.header); err != nil {
		return err
	}
	var is bool
	if im.first, is = im.sinks[0].(content.PieceSink); !is {
		im.first = newPipeSink(im.sinks[0])
	}
	if err := im.checkBase(ctx); err != nil {
		im.closeSinks()
		return err
	}
	if err := im.completePieces(ctx); err != nil {
		im.closeSinks()
		return err
	}
	if im.Begin != nil {
		total := int64(0)
		for _, p := range im.header.Parts {
			total += p.Size
		}
		im.Begin(im.header, im.by, total)
	}
	return nil
}

func (im *Importer) closeSinks() {
	if im.first != nil {
		if p, is := im.first.(*pipeSink); is {
			p.abort(errors.New("the import ended"))
		}
	}
	for _, s := range im.sinks {
		s.Close()
	}
	im.sinks = nil
}

func (im *Importer) checkOpeners() error {
	if im.carried || im.header.Encryption == "" || slices.ContainsFunc(im.Openers, func(o seal.Opener) bool { return o.Encryption() == im.header.Encryption }) {
		return nil
	}
	who := strings.Join(im.header.Recipients, ", ")
	if im.header.Encryption == Age && slices.Equal(im.header.Recipients, []string{seal.Passphrase}) {
		return artifact.Hint(artifact.Usagef("the bundle is encrypted with a passphrase"), "give it with --passphrase")
	}
	return artifact.Hint(artifact.Usagef("the bundle is encrypted with %s for %s", im.header.Encryption, who), "name the file of a private key with --identity")
}

// checkBase wants the blobs that the bundle leaves out.
func (im *Importer) checkBase(ctx context.Context) error {
	if im.header.Base == nil {
		return nil
	}
	var wanted []string
	size := int64(0)
	for _, b := range im.header.Base.Blobs {
		has, err := im.first.Has(ctx, im.header.Images[b.Image], b)
		if err != nil {
			return err
		}
		if !has {
			wanted = append(wanted, b.Digest.String())
			size += b.Size
		}
	}
	if wanted == nil {
		return nil
	}
	const most = 20
	list, more := wanted, ""
	if n := len(list) - most; n > 0 {
		list, more = list[:most], fmt.Sprintf("\n  and %d more", n)
	}
	return artifact.Hint(artifact.Verifyf("the bundle builds on %s that %s does not have (%d bytes), so nothing was imported:\n  %s%s", counted(len(wanted), "blob"), im.first, size, strings.Join(list, "\n  "), more),
		"import the bundles before this one first; or export again without --have, or with what this side really has: minimirror receipt")
}

// finish makes the images visible if everything is there, and says what is missing or bad otherwise.
func (im *Importer) finish(ctx context.Context) error {
	if err := im.verdict(); err != nil {
		return err
	}
	for _, b := range im.header.Blobs {
		has, err := im.first.Has(ctx, im.header.Images[b.Image], b)
		if err != nil {
			return err
		}
		if !has {
			return artifact.Verifyf("%s: it is in none of the parts", b.Digest)
		}
	}
	images, err := im.header.Images, error(nil)
	if im.Images != nil {
		if images, err = im.Images(images); err != nil {
			return err
		}
	}
	if err := im.copyOthers(ctx); err != nil {
		return err
	}
	for _, s := range slices.Backward(im.sinks) { // the first has what the others are copied from
		if err := s.Finish(ctx, images); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	im.imported.Already = !slices.ContainsFunc(im.imported.Parts, func(p ImportedPart) bool { return p.Status != Known })
	for _, record := range im.Records {
		if err := record.save(im.header, im.by, im.Now()); err != nil {
			return err
		}
	}
	return nil
}

// copyOthers copies all blobs from the first destination to the others, those of the base included.
func (im *Importer) copyOthers(ctx context.Context) error {
	if len(im.sinks) < 2 {
		return nil
	}
	from, is := im.sinks[0].(interface {
		Open(ctx context.Context, image content.Image, b content.Blob, offset int64) (io.ReadCloser, error)
	})
	if !is {
		return artifact.Usagef("%s cannot be copied to %s: name a folder first", im.sinks[0], im.sinks[1])
	}
	blobs := slices.Clone(im.header.Blobs)
	if im.header.Base != nil {
		blobs = append(blobs, im.header.Base.Blobs...)
	}
	for _, s := range im.sinks[1:] {
		for _, b := range blobs {
			image := im.header.Images[b.Image]
			has, err := s.Has(ctx, image, b)
			if err != nil {
				return err
			}
			if has {
				continue
			}
			body, err := from.Open(ctx, image, b, 0)
			if err != nil {
				return err
			}
			if err := errors.Join(s.Put(ctx, image, b, body), body.Close()); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
	}
	return nil
}
