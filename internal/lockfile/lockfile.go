// Package lockfile reads and writes mirror.lock, which pins every item of
// a definition by version, and its files by size and SHA-256. The lock verb
// writes it from what upstream offers; build needs only this file and mirror.proofs.
//
// Signed files that upstream soon replaces are kept in mirror.proofs beside the lock, which names them by digest; so a diff of the lock
// shows only what is pinned. mirror.proofs is a tar archive (USTAR) compressed with zstd. Its files are called sha256/DIGEST,
// sorted by name, all with mode 0644, owner 0 and time 0; zeros pad the archive to a multiple of 128 KiB.
// "tar --zstd -xf mirror.proofs" unpacks it, and "sha256sum" then prints the names.
package lockfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Format is the version of the file's format. Decode also reads version 1, and version 2, which contains the proofs itself and has no
// mirror.proofs.
const Format = 3

// A Lock is the content of a mirror.lock: indented JSON, one value per line,
// sorted, so that diffs are readable.
type Lock struct {
	Format     int    `json:"format"`
	Name       string `json:"name"`       // of the definition
	Definition string `json:"definition"` // "sha256:" and the digest of mirror.yaml
	// Date is the date that the mirror gives to clients. It is the newest date
	// of the releases, moved forward by a second if a lock with other content
	// already has it: clients ignore what is not newer than what they have.
	Date    time.Time         `json:"date"`
	Sources []artifact.Source `json:"sources"`
	Sets    []artifact.Set    `json:"sets"`
	Items   []artifact.Item   `json:"items"`
}

// Reserved reports whether a source can't have this name because the mirror itself
// uses it.
func Reserved(name string) bool {
	return name == "api" || name == "catalog.json" || name == artifact.UpstreamRoot || name == "healthz" || name == "readyz" || name == "sbom" || strings.HasPrefix(name, "minimirror.")
}

// Digest returns "sha256:" and the hexadecimal SHA-256 of data.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Read returns the lock in the file and the digest of the file's bytes. The
// error is fs.ErrNotExist if there is no such file. It does not read mirror.proofs; see ReadComplete.
func Read(file string) (*Lock, string, error) {
	data, err := artifact.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	lock, err := Decode(data)
	if err != nil {
		return nil, "", artifact.Hint(fmt.Errorf("%s: %w", file, err),
			"restore the file from version control, or remove it and run: minimirror lock %s", filepath.Dir(file))
	}
	return lock, Digest(data), nil
}

// Decode reads a lock, and refuses one that is damaged or names files
// outside the mirror.
func Decode(data []byte) (*Lock, error) {
	l := new(Lock)
	err := decode(data, l) // with an error about a key, it has nevertheless read the others
	switch {
	case l.Format == 1:
		var old version1
		if err := decode(data, &old); err != nil {
			return nil, err
		}
		l = old.lock()
	case l.Format > Format, l.Format < 1 && err == nil:
		return nil, fmt.Errorf("format %d: this program reads formats 1 to %d", l.Format, Format)
	case err != nil:
		return nil, err
	}
	l.Format = Format
	l.sort() // a merge of two locks may have changed the order
	return l, l.check()
}

// decode reads one JSON value and refuses unknown keys.
func decode(data []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return fmt.Errorf("not a lock: %w", err)
	}
	if dec.More() {
		return errors.New("not a lock: there is data after its end")
	}
	return nil
}
