package archive

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// FuzzParagraphs gives stanzas to their reader: no field is lost, doubled or without a name.
func FuzzParagraphs(f *testing.F) {
	f.Add("Package: a\nDescription: x\n .\n more\n\n# comment\nPackage: b\r\n")
	f.Add(" x")
	f.Fuzz(func(t *testing.T, text string) {
		paragraphs, err := deb822.ParseParagraphs([]byte(text))
		if err != nil {
			return
		}
		for _, p := range paragraphs {
			if len(p) == 0 {
				t.Fatal("an empty paragraph")
			}
			seen := make(map[string]bool)
			for _, field := range p {
				name := strings.ToLower(field.Name)
				if name == "" || strings.ContainsAny(name, " \t\n:") || seen[name] {
					t.Fatalf("field %q", field.Name)
				}
				seen[name] = true
			}
		}
	})
}

// FuzzReleaseChecks accepts only releases with clean paths and whole digests, whose
// checks do not panic.
func FuzzReleaseChecks(f *testing.F) {
	f.Add("Suite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main\nSHA256:\n "+strings.Repeat("a", 64)+" 1 main/binary-amd64/Packages.xz\n", "stable")
	f.Add("Date: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n "+strings.Repeat("a", 64)+" 1 ../x\n", "a/b")
	f.Fuzz(func(t *testing.T, text, suiteName string) {
		components := []string{"main"}
		if deb822.IsFlat(suiteName) {
			components = nil
		}
		if CheckSuite(suiteName, components) != nil {
			return
		}
		r := &Release{suite: suiteName}
		if r.Parse([]byte(text)) != nil {
			return
		}
		src := Source{Name: "s", URLs: []string{"http://h"}, Architectures: []string{"amd64"}, CheckDates: true, CheckValidUntil: true}
		_ = r.checkDates(src, debiantest.Today)
		_ = r.checkAge(src, []artifact.Source{{Name: "s", Releases: []artifact.Release{{Name: suiteName, Date: debiantest.Today}}}})
		if suite, codename := r.Header.Get("Suite"), r.Header.Get("Codename"); r.checkName(src) == nil && !deb822.IsFlat(suiteName) && suite+codename != "" {
			if !strings.Contains(suiteName, suite) && !strings.Contains(suiteName, codename) {
				t.Fatalf("%s (%s) passes for %s", suite, codename, suiteName)
			}
		}
		for _, job := range indexJobs(src, Suite{suiteName, components}, r) {
			for _, file := range job.files {
				if !artifact.ValidSHA256(file.SHA256) && !artifact.ValidSHA512(file.SHA512) || file.Size < 0 {
					t.Fatalf("%+v", file.Content)
				}
			}
			for _, path := range job.paths {
				if !artifact.ValidPath(path) {
					t.Fatalf("path %q", path)
				}
			}
		}
	})
}

func FuzzKeyring(f *testing.F) {
	key := debiantest.NewKey("fuzz")
	f.Add(key.Binary())
	f.Add(key.Armored())
	f.Fuzz(func(t *testing.T, data []byte) {
		ring, err := openpgp.Parse(data, "k")
		if err != nil {
			return
		}
		for _, entity := range ring.Keys {
			_, _ = ring.Expiry(string(entity.PrimaryKey.Fingerprint))
			_ = openpgp.Weakness(entity.PrimaryKey)
		}
		_, _ = ring.VerifyDetached([]byte("text"), data, debiantest.Today)
	})
}
