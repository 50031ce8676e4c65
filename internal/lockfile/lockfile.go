// Package lockfile reads and writes mirror.lock, which pins every item of
// a definition by version, and its files by size and SHA-256. It stands between lock, which
// writes it from what upstream offers, and build, which needs nothing else.
package lockfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// Format is the version of the file's format. Version 1 is read, too.
const Format = 2

// A Lock is the content of a mirror.lock: indented JSON, one value a line,
// sorted, so that it reads well in a diff.
type Lock struct {
	Format     int    `json:"format"`
	Name       string `json:"name"`       // of the definition
	Definition string `json:"definition"` // "sha256:" and the digest of mirror.yaml
	// Date is what the mirror tells clients as its own date. It is the newest date
	// of the releases, moved forward by a second when a lock with other content
	// already carried it: clients ignore what is not newer than what they have.
	Date    time.Time         `json:"date"`
	Sources []artifact.Source `json:"sources"`
	Sets    []artifact.Set    `json:"sets"`
	Items   []artifact.Item   `json:"items"`
}

// Reserved reports whether a source can't be called so: the mirror itself
// answers there.
func Reserved(name string) bool {
	return name == "api" || name == "catalog.json" || name == artifact.UpstreamRoot || name == "healthz" || name == "readyz" || strings.HasPrefix(name, "minimirror.")
}

// Digest returns "sha256:" and the hexadecimal SHA-256 of data.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Read returns the lock in the file and the digest of the file's bytes. The
// error is fs.ErrNotExist when there is no such file.
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

// Decode reads a lock and refuses one that is damaged or that names files
// outside the mirror.
func Decode(data []byte) (*Lock, error) {
	l := new(Lock)
	if err := decode(data, l); err != nil || l.Format != Format {
		var version struct{ Format int }
		_ = json.Unmarshal(data, &version) // decode has already reported the error
		switch {
		case version.Format == 1:
			var old version1
			if err := decode(data, &old); err != nil {
				return nil, err
			}
			l = old.lock()
		case version.Format != 0 && version.Format != Format:
			return nil, fmt.Errorf("format %d: this program reads formats 1 to %d", version.Format, Format)
		case err == nil:
			return nil, fmt.Errorf("format %d: this program reads formats 1 to %d", l.Format, Format)
		default:
			return nil, err
		}
	}
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

func (l *Lock) check() error {
	if !artifact.ValidName(l.Name) {
		return fmt.Errorf("invalid name %q", l.Name)
	}
	if year := l.Date.Year(); year < 1990 || year > 2200 {
		return fmt.Errorf("invalid date %s", l.Date.Format(time.RFC3339))
	}
	if err := l.checkText(); err != nil {
		return err
	}
	sources := make(map[string]string)
	for _, s := range l.Sources {
		if _, dup := sources[s.Name]; dup || !artifact.ValidName(s.Name) || Reserved(s.Name) {
			return fmt.Errorf("invalid or repeated source %q", s.Name)
		}
		sources[s.Name] = s.Kind
		if err := checkProofs(&s); err != nil {
			return fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	ids, shares := make(map[string]bool, len(l.Items)), false
	for i := range l.Items {
		a := &l.Items[i]
		kind, known := sources[a.Source]
		id := a.ID()
		switch {
		case !known || kind != a.Kind:
			return fmt.Errorf("%s: unknown source %q", a, a.Source)
		case ids[id]:
			return fmt.Errorf("%s: %s is listed twice", a, id)
		}
		if err := a.Check(); err != nil {
			return err
		}
		ids[id] = true
		shares = shares || a.Key != "" || len(a.Files) > 1
	}
	if shares { // otherwise IDs are the paths of the files
		if err := checkShared(l.Items); err != nil {
			return err
		}
	}
	for i, s := range l.Sets {
		if !artifact.ValidName(s.Name) || !artifact.ValidName(s.Architecture) || i > 0 && artifact.CompareSets(s, l.Sets[i-1]) == 0 {
			return fmt.Errorf("invalid or repeated set %q for %q", s.Name, s.Architecture)
		}
		seen := make(map[string]bool, len(s.Items))
		for _, id := range s.Items {
			if !ids[id] || seen[id] {
				return fmt.Errorf("set %s: %q is not an item of this lock, or is repeated", s.Name, id)
			}
			seen[id] = true
		}
		for _, id := range s.Requested {
			if !seen[id] {
				return fmt.Errorf("set %s: %q is requested and not in it", s.Name, id)
			}
		}
	}
	return nil
}

// checkShared refuses two different files with the same path.
func checkShared(items []artifact.Item) error {
	files := make(map[string]artifact.Content, len(items))
	for i := range items {
		for f := range items[i].Files {
			file := &items[i].Files[f]
			id := items[i].FileID(file)
			if other, found := files[id]; found && other != file.Content() {
				return fmt.Errorf("%s: another item has a different file at %s", &items[i], id)
			}
			files[id] = file.Content()
		}
	}
	return nil
}

// checkProofs holds proofs to what build relies on.
func checkProofs(s *artifact.Source) error {
	seen := make(map[string]bool)
	for _, r := range s.Releases {
		for _, p := range r.Proofs {
			switch {
			case !artifact.ValidPath(p.Path) || seen[p.Path]:
				return fmt.Errorf("invalid or repeated proof %q", p.Path)
			case !artifact.ValidSHA256(p.SHA256) || p.Size < 0:
				return fmt.Errorf("proof %s: invalid sha256 %q or size %d", p.Path, p.SHA256, p.Size)
			case p.Data != nil && (int64(len(p.Data)) != p.Size || Digest(p.Data) != "sha256:"+p.SHA256):
				return fmt.Errorf("proof %s: its data are not those of its sha256", p.Path)
			}
			seen[p.Path] = true
		}
	}
	return nil
}

// checkText refuses control characters and invalid UTF-8: much of a lock's
// text is copied line by line into files that clients trust.
func (l *Lock) checkText() error {
	var all [][]string
	for _, s := range l.Sources {
		all = append(all, s.URLs)
		for _, r := range s.Releases {
			if name := path.Clean("./" + r.Name); name != "." && !artifact.ValidPath(name) {
				return fmt.Errorf("source %s: invalid release %q", s.Name, r.Name)
			}
			all = append(all, []string{r.Name, r.URL}, r.SignedBy, r.Metadata)
			for _, p := range r.Proofs {
				all = append(all, p.URLs)
			}
		}
	}
	for i := range l.Items {
		a := &l.Items[i]
		all = append(all, []string{a.Name, a.Version}, a.Metadata)
		for _, attribute := range a.Attributes {
			all = append(all, []string{attribute.Name}, attribute.Values)
		}
		for f := range a.Files {
			all = append(all, a.Files[f].URLs)
		}
	}
	for _, lines := range all {
		for _, line := range lines {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("a control character in %q", line)
			}
			if !utf8.ValidString(line) {
				return fmt.Errorf("%q is not UTF-8", line)
			}
		}
	}
	return nil
}

func (l *Lock) sort() {
	slices.SortFunc(l.Sources, func(a, b artifact.Source) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Sets, artifact.CompareSets)
	slices.SortFunc(l.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
}

// Encode sorts the lock and returns the file's bytes. A lock that Decode would refuse is an error.
func (l *Lock) Encode() ([]byte, error) {
	l.sort()
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.encode()
}

func (l *Lock) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Follow gives the lock its date and returns the file's bytes. The date is upstream's, or now if that is zero; it is moved later if
// previous (nil: none) has other content and is not older. A lock with the same content keeps its date. digest is that of the file
// from which previous was read.
func (l *Lock) Follow(previous *Lock, digest string, stated, now time.Time) ([]byte, error) {
	l.Date = stated.UTC().Truncate(time.Second)
	if stated.IsZero() {
		l.Date = now.UTC().Truncate(time.Second)
	}
	if previous == nil || !stated.IsZero() && l.Date.After(previous.Date) {
		return l.Encode()
	}
	date := l.Date
	l.Date = previous.Date
	ours, err := l.Encode()
	if err != nil || Digest(ours) == digest {
		return ours, err
	}
	theirs, err := previous.encode() // the file may have another format, or another order
	if err != nil || bytes.Equal(ours, theirs) {
		return ours, err
	}
	if l.Date = previous.Date.Add(time.Second); date.After(l.Date) {
		l.Date = date
	}
	return l.encode()
}

// Write atomically replaces the file with what Encode returned.
func Write(file string, data []byte) error { return notWritable(atomicfile.Write(file, data, 0o644)) }

// Writable tells, before any work, whether Write could write the file.
func Writable(file string) error {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	err := unix.Access(filepath.Dir(file), unix.W_OK)
	if err == nil {
		return nil
	}
	return notWritable(&fs.PathError{Op: "write", Path: file, Err: err})
}

func notWritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return artifact.Hint(err, "make the folder of the definition writable, or copy the definition to a folder that is")
	}
	return err
}
