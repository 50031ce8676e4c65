package receipt

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
)

// A Seen is the newest receipt that was used, of each name and signer. It is a safeguard, not a history: without it, exports are the same.
type Seen struct {
	file     string
	Receipts map[string]SeenReceipt `json:"receipts"` // by "NAME SIGNER"
}

// A SeenReceipt is one of them.
type SeenReceipt struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

// OpenSeen reads the record in the file, which need not exist.
func OpenSeen(file string) (*Seen, error) {
	s := &Seen{file: file, Receipts: make(map[string]SeenReceipt)}
	data, err := artifact.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("%s: %w", file, err), "remove the file: then the next receipt counts as the newest")
	}
	return s, nil
}

func (s *Seen) key(r *Signed) string { return r.Receipt.Name + " " + r.By }

// Check refuses a receipt that is older than one that was used: artifact.ErrVerify. What the site had lost or received since would be sent wrongly.
func (s *Seen) Check(r *Signed) error {
	newest, found := s.Receipts[s.key(r)]
	if !found || !r.Receipt.Created.Before(newest.Created) {
		return nil
	}
	return artifact.Hint(artifact.Verifyf("receipt of %s: it was made at %s, and one of %s was used before: %s", artifact.Printable(r.Receipt.Name),
		moment(r.Receipt.Created), moment(newest.Created), newest.ID), "give the newest receipt; --allow-older takes this one, for example if the site's clock was wrong")
}

// Remember records a receipt as the newest.
func (s *Seen) Remember(r *Signed) error {
	s.Receipts[s.key(r)] = SeenReceipt{r.ID, r.Receipt.Created}
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(s.file, append(data, '\n'), 0o600)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
