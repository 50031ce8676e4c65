package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/bundle/signed"
)

// RecordName is the name of the file that remembers imports, in a layout.
const RecordName = "minimirror.imports.json"

// A RecordFile is the path of a file that remembers the last import of each stream and signer. It need not exist.
type RecordFile string

// A Record is the last import of a stream.
type Record struct {
	Signer   string `json:"signer"` // signed.By.Key
	Name     string `json:"name"`   // of the stream
	Sequence int64  `json:"sequence"`
	ID       string `json:"id"`
	Created  string `json:"created"`  // of the bundle
	Imported string `json:"imported"` // RFC 3339, UTC, by this machine's clock
}

type recordFile struct {
	Version int      `json:"version"`
	Imports []Record `json:"imports"`
}

// Read returns the records.
func (f RecordFile) Read() ([]Record, error) {
	text, err := artifact.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var content recordFile
	if err == nil {
		err = json.Unmarshal(text, &content)
	}
	if err == nil && content.Version != 1 {
		err = fmt.Errorf("version %d, and this program reads 1", content.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	return content.Imports, nil
}

// check refuses a bundle that is older than the last one, or another one of the same sequence.
func (f RecordFile) check(h *Header, by signed.By, allowOlder bool) error {
	all, err := f.Read()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Signer != by.Key || r.Name != h.Name || r.ID == h.ID {
			continue
		}
		switch {
		case h.Sequence == r.Sequence:
			return artifact.Verifyf("the bundle %s of %q has the sequence %d, which the bundle %s had that was imported on %s: a sequence is used once", short(h.ID), h.Name, h.Sequence, short(r.ID), r.Imported)
		case h.Sequence < r.Sequence && !allowOlder:
			return artifact.Hint(artifact.Verifyf("the bundle of %q is older than what was imported on %s: sequence %d (created %s), and that was %d (%s)", h.Name, r.Imported, h.Sequence, h.Created, r.Sequence, r.Created),
				"--allow-older imports it anyway")
		}
	}
	return nil
}

// save remembers an import, unless a newer one is remembered.
func (f RecordFile) save(h *Header, by signed.By, now time.Time) error {
	all, err := f.Read()
	if err != nil {
		return err
	}
	r := Record{by.Key, h.Name, h.Sequence, h.ID, h.Created, now.UTC().Format(time.RFC3339)}
	found := false
	for i, old := range all {
		if old.Signer == r.Signer && old.Name == r.Name {
			found = true
			if old.Sequence == r.Sequence && old.ID == r.ID || old.Sequence > r.Sequence {
				return nil
			}
			all[i] = r
		}
	}
	if !found {
		all = append(all, r)
	}
	text, err := json.MarshalIndent(recordFile{1, all}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(string(f), append(text, '\n'), 0o666)
}
