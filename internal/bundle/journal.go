package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
)

// JournalName is a file that a medium has only while it is written: the header and its signature in one, for the header and the signature beside
// it are replaced one after the other.
const JournalName = "minimirror.bundle.journal"

// A journal is the content of JournalName.
type journal struct {
	Header    []byte `json:"header"`
	Signature []byte `json:"signature"`
}

// An appender is a medium that keeps all that was written, in order: there, the last header and signature belong together.
type appender interface{ Appends() bool }

func appends(m medium.Medium) bool {
	a, is := m.(appender)
	return is && a.Appends()
}

// isComplete reports whether a medium has a bundle to which nothing can be added: a file that has its name.
func isComplete(m medium.Medium) bool {
	c, is := m.(interface{ Complete() bool })
	return is && c.Complete()
}

// resume reads what the medium has of this bundle. What is not of this bundle is refused.
func (e *Exporter) resume(ctx context.Context, i int) error {
	m := e.Media[i]
	e.state = append(e.state, mediumState{})
	if e.Signer == nil { // of a forecast: nobody could say whose the parts there are
		return nil
	}
	there, err := e.readOwn(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", m, err)
	}
	if there == nil {
		return nil
	}
	if there.ID != e.Header.ID || there.Encryption != e.Header.Encryption || !slices.Equal(there.Recipients, e.Header.Recipients) {
		what := fmt.Sprintf("another bundle, %s of %s", there.Name, there.Created)
		if there.ID == e.Header.ID {
			what = "this bundle for other recipients"
		}
		return artifact.Hint(fmt.Errorf("%s has %s", m, what), "name an empty folder, or remove the bundle there")
	}
	files, err := m.List(ctx)
	if err != nil {
		return err
	}
	sizes := make(map[string]int64, len(files))
	for _, f := range files {
		sizes[f.Name] = f.Size
	}
	if e.Numbers == nil {
		e.Header.Sequence, e.Header.Created = there.Sequence, there.Created
	}
	for _, p := range there.Parts {
		size, found := sizes[p.Name]
		here := found && size == p.Size && (p.Medium == 0 || p.Medium == i+1)
		elsewhere := p.Medium != 0 && p.Medium != i+1 && (e.Next != nil || p.Medium > len(e.Media))
		if !here && !elsewhere || slices.Contains(e.Numbers, p.Number) {
			continue
		}
		if here {
			e.state[i].parts = append(e.state[i].parts, p)
		}
		if at, listed := slices.BinarySearchFunc(e.Header.Parts, p.Number, func(p Part, n int) int { return p.Number - n }); !listed {
			e.Header.Parts = slices.Insert(e.Header.Parts, at, p)
		}
	}
	return nil
}

// readOwn reads a header that the exporter's own key has signed; nil: there is none.
func (e *Exporter) readOwn(ctx context.Context, m medium.Medium) (*Header, error) {
	data, signature, err := readPair(ctx, m, HeaderName+e.Signer.Suffix())
	if err != nil || data == nil {
		return nil, err
	}
	if signature == nil || e.Signer.Verify(data, signature) != nil {
		return nil, artifact.Hint(errors.New("it has a bundle that another key has signed, or that was changed"), "name an empty folder, or remove the bundle there")
	}
	return ReadHeader(data)
}

// readPair reads the journal, or the header and its signature.
func readPair(ctx context.Context, m medium.Medium, signatureName string) (data, signature []byte, err error) {
	if text, err := readSmall(ctx, m, JournalName, 2*maxHeader); err == nil {
		var j journal
		if json.Unmarshal(text, &j) == nil {
			return j.Header, j.Signature, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	data, err = readSmall(ctx, m, HeaderName, maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil {
		signature, err = readSmall(ctx, m, signatureName, maxSignature)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return data, signature, err
}

// maxSignature is how many bytes a signature may have.
const maxSignature = 64 << 10

// readSmall reads a whole file that is not larger than most.
func readSmall(ctx context.Context, m medium.Medium, name string, most int64) ([]byte, error) {
	body, err := m.Open(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(data)) > most {
		err = artifact.Verifyf("%s: %s: more than %d bytes", m, name, most)
	}
	return data, err
}

// saveHeader writes the header as it is now, signed, to the medium.
func (e *Exporter) saveHeader(ctx context.Context) error {
	data, signature, err := e.sign()
	if err != nil {
		return err
	}
	m := e.medium()
	if !appends(m) {
		text, err := json.Marshal(journal{data, signature})
		if err != nil {
			return err
		}
		if err := writeSmall(ctx, m, JournalName, text); err != nil {
			return e.explain(err, 0)
		}
	}
	if err := writeSmall(ctx, m, HeaderName, data); err != nil {
		return err
	}
	return writeSmall(ctx, m, HeaderName+e.Signer.Suffix(), signature)
}

func (e *Exporter) sign() (data, signature []byte, err error) {
	if data, err = e.Header.Encode(); err != nil {
		return nil, nil, err
	}
	signature, err = e.Signer.Sign(data, fmt.Sprintf("bundle %s sequence %d", e.Header.ID, e.Header.Sequence))
	return data, signature, err
}

func writeSmall(ctx context.Context, m medium.Medium, name string, data []byte) error {
	w, err := m.Create(ctx, name, int64(len(data)))
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit(ctx)
}

// finish writes the digests of all files of the medium, and the header last. A medium that has them already is left as it is.
func (e *Exporter) finish(ctx context.Context) error {
	m := e.medium()
	if isComplete(m) {
		return nil
	}
	data, signature, err := e.sign()
	if err != nil {
		return err
	}
	signatureName := HeaderName + e.Signer.Suffix()
	if old, err := readSmall(ctx, m, HeaderName, maxHeader); err == nil && bytes.Equal(old, data) {
		if oldSignature, err := readSmall(ctx, m, signatureName, maxSignature); err == nil && e.Signer.Verify(data, oldSignature) == nil {
			signature = oldSignature // OpenPGP signs differently each time
		}
	}
	var sums strings.Builder
	fmt.Fprintf(&sums, "%s  %s\n%s  %s\n", sumOf(data), HeaderName, sumOf(signature), signatureName)
	parts := slices.Clone(e.state[e.current].parts)
	slices.SortFunc(parts, func(a, b Part) int { return a.Number - b.Number })
	for _, p := range parts {
		fmt.Fprintf(&sums, "%s  %s\n", p.SHA256, p.Name)
	}
	for _, n := range e.state[e.current].parity {
		fmt.Fprintf(&sums, "%s  %s\n", e.Header.FEC.Files[n].SHA256, e.Header.FEC.Files[n].Name)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{SumsName, []byte(sums.String())}, {HeaderName, data}, {signatureName, signature}} {
		if old, err := readSmall(ctx, m, f.name, maxHeader); err == nil && bytes.Equal(old, f.data) && !appends(m) {
			continue
		}
		if err := writeSmall(ctx, m, f.name, f.data); err != nil {
			return e.explain(err, 0)
		}
	}
	if !appends(m) {
		if err := m.Remove(ctx, JournalName); err != nil {
			return err
		}
	}
	if f, is := m.(finisher); is {
		return f.Finish(ctx)
	}
	return nil
}
