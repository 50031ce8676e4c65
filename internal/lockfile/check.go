package lockfile

import (
	"cmp"
	"fmt"
	"path"
	"time"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

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
		if !artifact.ValidName(s.Name) || !s.ValidNodes() || i > 0 && artifact.CompareSets(s, l.Sets[i-1]) == 0 {
			return fmt.Errorf("invalid or repeated set %q for %q", s.Name, s.Nodes())
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

// checkProofs checks what build relies on in proofs.
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
	for _, s := range l.Sources {
		if err := checkLines(s.URLs...); err != nil {
			return err
		}
		for _, r := range s.Releases {
			if name := path.Clean("./" + r.Name); name != "." && !artifact.ValidPath(name) {
				return fmt.Errorf("source %s: invalid release %q", s.Name, r.Name)
			}
			if err := cmp.Or(checkLines(r.Name, r.URL), checkLines(r.SignedBy...), checkLines(r.Metadata...)); err != nil {
				return err
			}
			for _, p := range r.Proofs {
				if err := checkLines(p.URLs...); err != nil {
					return err
				}
			}
		}
	}
	for i := range l.Items {
		a := &l.Items[i]
		if err := cmp.Or(checkLines(a.Name, a.Version), checkLines(a.Metadata...)); err != nil {
			return err
		}
		for _, attribute := range a.Attributes {
			if err := cmp.Or(checkLines(attribute.Name), checkLines(attribute.Values...)); err != nil {
				return err
			}
		}
		for f := range a.Files {
			if err := checkLines(a.Files[f].URLs...); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkLines(lines ...string) error {
	for _, line := range lines {
		ascii := true
		for i := range len(line) {
			c := line[i]
			if c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Errorf("a control character in %q", line)
			}
			ascii = ascii && c < utf8.RuneSelf
		}
		if !ascii && !utf8.ValidString(line) {
			return fmt.Errorf("%q is not UTF-8", line)
		}
	}
	return nil
}
