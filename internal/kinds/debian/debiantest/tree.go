package debiantest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Tree is an archive's files, ready to be served. It is immutable.
type Tree struct {
	// Files maps a path below the archive's address ("dists/bookworm/InRelease") to content.
	Files map[string][]byte
	// Modified is the files' Last-Modified; default: the Date of the suite, DefaultDate for packages.
	Modified map[string]time.Time
}

// Build makes all files of the archive.
func (a *Archive) Build() (*Tree, error) {
	t := &Tree{map[string][]byte{}, map[string]time.Time{}}
	for _, s := range a.Suites {
		stanzas := map[*Package]string{}
		for _, p := range slices.Concat(s.Packages, s.Udebs) {
			deb, err := p.Deb()
			if err != nil {
				return nil, err
			}
			filename := p.filename(s.flat())
			stanzas[p] = p.stanza(filename, deb)
			if s.Languages != nil {
				stanzas[p] += "Description-md5: " + p.descriptionMD5() + "\n"
			}
			name := strings.TrimPrefix(path.Clean("/"+filename), "/")
			if old, found := t.Files[name]; found && !a.Collide && !bytes.Equal(old, deb) {
				return nil, fmt.Errorf("%s: two packages have this file name", name)
			}
			t.add(name, deb, DefaultDate)
		}
		if err := t.addSuite(s, stanzas); err != nil {
			return nil, fmt.Errorf("suite %s: %w", s.Name, err)
		}
	}
	return t, nil
}

func (t *Tree) add(name string, data []byte, modified time.Time) {
	t.Files[name], t.Modified[name] = data, modified
}

// addSuite adds the indices in all encodings, and the Release with its signatures.
func (t *Tree) addSuite(s *Suite, stanzas map[*Package]string) error {
	compressions := s.Compressions
	if compressions == nil {
		compressions = []string{"gz", "xz"}
	}
	listed := map[string][]byte{}
	hashes := s.hashes()
	indices := s.indices(stanzas)
	if s.Sources {
		sources, err := t.addSources(s)
		if err != nil {
			return err
		}
		maps.Copy(indices, sources)
	}
	maps.Copy(indices, s.about())
	maps.Copy(indices, s.udebIndices(stanzas))
	if s.Installer {
		images, err := t.addInstaller(s)
		if err != nil {
			return err
		}
		maps.Copy(indices, images)
	}
	for name, plain := range indices {
		listed[name] = plain
		for _, compression := range compressions {
			data, as := plain, name
			if compression != "" {
				var err error
				if data, err = compress(compression, plain); err != nil {
					return err
				}
				as += "." + compression
			}
			if s.EditEncoded != nil {
				data = s.EditEncoded(as, data)
			}
			listed[as] = data
			t.add(path.Join(s.folder(), as), data, s.date())
			if s.ByHash && len(hashes) > 0 {
				strongest := hashes[len(hashes)-1]
				t.add(path.Join(s.folder(), path.Dir(as), "by-hash", strongest, sum(strongest, data)), data, s.date())
			}
		}
	}
	release := s.release(listed)
	at := s.SignedAt
	if at.IsZero() {
		at = s.date()
	}
	signing := cmp.Or(s.Signing, "both")
	if !slices.Contains([]string{"both", "inline", "detached"}, signing) {
		return fmt.Errorf("signing %q: have inline, detached and both", signing)
	}
	if signing != "inline" || len(s.SignedBy) == 0 {
		t.add(path.Join(s.folder(), "Release"), release, s.date())
	}
	if len(s.SignedBy) == 0 {
		return nil
	}
	if signing != "inline" {
		signature, err := DetachSign(release, at, s.SignedBy...)
		if err != nil {
			return err
		}
		t.add(path.Join(s.folder(), "Release.gpg"), signature, s.date())
	}
	if signing != "detached" {
		signed, err := ClearSign(release, at, s.SignedBy...)
		if err != nil {
			return err
		}
		t.add(path.Join(s.folder(), "InRelease"), signed, s.date())
	}
	return nil
}

// KeepOld adds old's files that t has under no name of its own, as archives keep
// the indices of their last states under by-hash/, and packages in the pool.
func (t *Tree) KeepOld(old *Tree) *Tree {
	kept := &Tree{maps.Clone(t.Files), maps.Clone(t.Modified)}
	for name, data := range old.Files {
		if _, found := kept.Files[name]; !found && (strings.Contains(name, "/by-hash/") || strings.HasSuffix(name, ".deb")) {
			kept.add(name, data, old.Modified[name])
		}
	}
	return kept
}

// ServeHTTP serves the files as an archive does: with Last-Modified, 304 and ranges.
func (t *Tree) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	data, found := t.Files[name]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", t.Modified[name], bytes.NewReader(data))
}

// Write writes the files below dir, with their times.
func (t *Tree) Write(dir string) error {
	for _, name := range sortedKeys(t.Files) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, t.Files[name], 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(file, t.Modified[name], t.Modified[name]); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// SHA256 returns the digest as indices and caches write it.
func SHA256(data []byte) string { return sum("SHA256", data) }
