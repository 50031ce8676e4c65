package archive

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/openpgp"
)

func sourceOf(t *testing.T, url string, keys ...*debiantest.Key) Source {
	t.Helper()
	s := Source{Name: "test", URLs: []string{url}, Architectures: []string{"amd64"}, CheckDates: true, CheckValidUntil: true}
	for _, k := range keys {
		ring, err := openpgp.Parse(k.Armored(), k.Fingerprint())
		if err != nil {
			t.Fatal(err)
		}
		s.Keys.Keys = append(s.Keys.Keys, ring.Keys...)
	}
	return s
}

func TestFetchRelease(t *testing.T) {
	good, other := debiantest.NewKey("good"), debiantest.NewKey("other")
	expired := debiantest.KeyConfig{Expires: debiantest.DefaultDate.AddDate(0, 0, -1)}.New("expired")
	weak := debiantest.KeyConfig{RSABits: 1024}.New("weak")
	sha1 := debiantest.KeyConfig{RSABits: 2048, Hash: crypto.SHA1}.New("sha1")
	subkey := debiantest.KeyConfig{Subkeys: []debiantest.KeyConfig{{}}}.New("subkey")
	suite := func(keys ...*debiantest.Key) *debiantest.Suite {
		return &debiantest.Suite{Name: "stable", SignedBy: keys, Packages: []*debiantest.Package{{Name: "a"}}}
	}
	for name, c := range map[string]struct {
		suite  *debiantest.Suite
		keys   []*debiantest.Key
		faults func(*debiantest.Faults)
		source func(*Source)
		want   string // part of the error; empty: verified
	}{
		"inline":                {suite: suite(good), keys: []*debiantest.Key{good}},
		"detached":              {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/InRelease", debiantest.Status(404)) }},
		"signing subkey":        {suite: suite(subkey), keys: []*debiantest.Key{subkey}},
		"two keys, one known":   {suite: suite(other, good), keys: []*debiantest.Key{good}},
		"two keys, one expired": {suite: suite(expired, good), keys: []*debiantest.Key{good, expired}},
		"unknown key":           {suite: suite(other), keys: []*debiantest.Key{good}, want: "not in the keyring"},
		"expired key":           {suite: suite(expired), keys: []*debiantest.Key{expired}, want: "expired"},
		"weak key":              {suite: suite(weak), keys: []*debiantest.Key{weak}, want: "too weak"},
		"weak digest":           {suite: suite(sha1), keys: []*debiantest.Key{sha1}, want: "too weak"},
		"changed":               {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/InRelease", debiantest.Flip(80)) }, want: "InRelease"},
		"text before":           {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/InRelease", prepend("Suite: evil\n\n")) }, want: "not exactly one signed text"},
		"text after":            {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/InRelease", debiantest.Append("\nSuite: evil\n")) }, want: "not exactly one signed text"},
		"not signed":            {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/InRelease", debiantest.Replace([]byte("Suite: x\n"))) }, want: "not exactly one signed text"},
		"no signature": {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) {
			f.On("dists/stable/InRelease", debiantest.Status(404))
			f.On("dists/stable/Release.gpg", debiantest.Status(404))
		}, want: "not signed"},
		"absent": {suite: suite(good), keys: []*debiantest.Key{good}, faults: func(f *debiantest.Faults) { f.On("dists/stable/*", debiantest.Status(404)) }, want: "suite"},
		"expired release": {suite: func() *debiantest.Suite {
			s := suite(good)
			s.ValidUntil = debiantest.Today.Add(-time.Minute)
			return s
		}(), keys: []*debiantest.Key{good}, want: "expired"},
		"expired, not checked": {suite: func() *debiantest.Suite {
			s := suite(good)
			s.ValidUntil = debiantest.Today.Add(-time.Minute)
			return s
		}(), keys: []*debiantest.Key{good}, source: func(s *Source) { s.CheckValidUntil = false }},
		"valid until later": {suite: func() *debiantest.Suite { s := suite(good); s.ValidUntil = debiantest.Today.Add(time.Minute); return s }(), keys: []*debiantest.Key{good}},
		"from the future": {suite: func() *debiantest.Suite {
			s := suite(good)
			s.Date, s.SignedAt = debiantest.Today.Add(time.Hour), debiantest.Today
			return s
		}(), keys: []*debiantest.Key{good}, want: "not valid yet"},
		"signed in the future":  {suite: func() *debiantest.Suite { s := suite(good); s.SignedAt = debiantest.Today.Add(time.Hour); return s }(), keys: []*debiantest.Key{good}, want: "this machine's clock"},
		"no date":               {suite: dated(suite(good), ""), keys: []*debiantest.Key{good}, want: "Date: it is missing"},
		"no date, not checked":  {suite: dated(suite(good), ""), keys: []*debiantest.Key{good}, source: func(s *Source) { s.CheckDates = false }},
		"bad date":              {suite: dated(suite(good), "Date: yesterday\n"), keys: []*debiantest.Key{good}, want: "\"yesterday\" is not a date"},
		"bad date, not checked": {suite: dated(suite(good), "Date: yesterday\n"), keys: []*debiantest.Key{good}, source: func(s *Source) { s.CheckDates = false }},
		"from the future, never": {suite: func() *debiantest.Suite {
			s := suite(good)
			s.Date, s.SignedAt = debiantest.Today.Add(time.Hour), debiantest.Today
			return s
		}(), keys: []*debiantest.Key{good}, source: func(s *Source) { s.CheckDates = false }},
	} {
		t.Run(name, func(t *testing.T) {
			archive := &debiantest.Archive{Suites: []*debiantest.Suite{c.suite}}
			server := debiantest.Start(t, archive)
			if c.faults != nil {
				c.faults(server.Faults)
			}
			s := sourceOf(t, server.URL, c.keys...)
			if c.source != nil {
				c.source(&s)
			}
			r, err := fetchRelease(context.Background(), debiantest.Web{}, s, s.URLs[0], "stable", debiantest.Today)
			if c.want == "" {
				if err != nil || len(r.Signers) == 0 || len(r.Files) == 0 || r.date.After(debiantest.Today) || r.date.Before(debiantest.DefaultDate) {
					t.Fatal(r, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if name != "absent" && !strings.HasSuffix(name, " date") && !errors.Is(err, artifact.ErrVerify) {
				t.Fatalf("%v does not say that something did not verify", err)
			}
		})
	}
}

// dated puts another line in the place of the Release's Date.
func dated(s *debiantest.Suite, line string) *debiantest.Suite {
	s.EditRelease = func(release []byte) []byte {
		return regexp.MustCompile(`(?m)^Date: .*\n`).ReplaceAll(release, []byte(line))
	}
	return s
}

func prepend(text string) debiantest.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, text)
			next.ServeHTTP(w, r)
		})
	}
}

func TestReleaseRefuses(t *testing.T) {
	digest := strings.Repeat("a", 64)
	for name, text := range map[string]string{
		"MD5 alone":      "Date: Sat, 11 Jul 2026 10:16:37 UTC\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 x\n",
		"SHA1 alone":     "Date: Sat, 11 Jul 2026 10:16:37 UTC\nSHA1:\n da39a3ee5e6b4b0d3255bfef95601890afd80709 0 x\n",
		"no path":        "Date: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n " + digest + " 1\n",
		"two paragraphs": "Date: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n\nDate: x\n",
	} {
		if err := new(Release).Parse([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestReleaseLists: of two statements on one file, the first of each list counts, and the size of the SHA512 list.
func TestReleaseLists(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for name, c := range map[string]struct {
		lists   string
		want    artifact.Content
		doubled bool
	}{
		"SHA512 alone":                {"SHA512:\n " + a + a + " 1 x\n", artifact.Content{Size: 1, SHA512: a + a}, false},
		"both":                        {"SHA256:\n " + a + " 1 x\nSHA512:\n " + a + a + " 1 x\n", artifact.Content{Size: 1, SHA256: a, SHA512: a + a}, false},
		"the same twice":              {"SHA256:\n " + a + " 1 x\n " + a + " 1 ./x\n", artifact.Content{Size: 1, SHA256: a}, false},
		"two digests":                 {"SHA256:\n " + a + " 1 x\n " + b + " 1 x\n", artifact.Content{Size: 1, SHA256: a}, true},
		"two sizes":                   {"SHA256:\n " + a + " 1 x\n " + a + " 2 x\n", artifact.Content{Size: 1, SHA256: a}, true},
		"two digests in SHA512":       {"SHA512:\n " + a + a + " 1 x\n " + b + b + " 1 x\n", artifact.Content{Size: 1, SHA512: a + a}, true},
		"the lists say two sizes":     {"SHA256:\n " + a + " 1 x\nSHA512:\n " + a + a + " 2 x\n", artifact.Content{Size: 2, SHA256: a, SHA512: a + a}, true},
		"a digest that is none":       {"SHA256:\n abc 1 x\n " + a + " 1 x\n", artifact.Content{Size: 1, SHA256: a}, false},
		"a size that is none":         {"SHA256:\n " + a + " -1 x\n " + a + " 1 x\n", artifact.Content{Size: 1, SHA256: a}, false},
		"the field is repeated":       {"sha256:\n " + b + " 2 x\nSHA256:\n " + a + " 1 x\n", artifact.Content{Size: 1, SHA256: a}, false},
		"a line that is no field":     {"and so on\nSHA256:\n " + a + " 1 x\n", artifact.Content{Size: 1, SHA256: a}, false},
		"another file has a weak one": {"SHA256:\n " + a + " 1 x\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 y\n", artifact.Content{Size: 1, SHA256: a}, false},
	} {
		r := new(Release)
		if err := r.Parse([]byte("Date: Sat, 11 Jul 2026 10:16:37 UTC\n" + c.lists)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r.Files["x"] != c.want || (len(r.doubled) > 0) != c.doubled {
			t.Errorf("%s: %v, twice: %q", name, r.Files["x"], r.doubled)
		}
		if r.weak("x") || r.weak("y") != strings.HasPrefix(name, "another") {
			t.Errorf("%s: weak", name)
		}
	}
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte("Origin: x\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n " + strings.Repeat("a", 64) + " 1 main/x\n"))
	f.Fuzz(func(t *testing.T, data []byte) { _ = new(Release).Parse(data) })
}

func FuzzInRelease(f *testing.F) {
	key := debiantest.NewKey("fuzz")
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{{Name: "stable", SignedBy: []*debiantest.Key{key}, Packages: []*debiantest.Package{{Name: "a"}}}}}
	ring, err := openpgp.Parse(key.Armored(), "k")
	if err != nil {
		f.Fatal(err)
	}
	server := debiantest.Start(f, archive)
	signed, _, err := artifact.Get(context.Background(), debiantest.Web{}, artifact.Request{URLs: []string{server.URL + "/dists/stable/InRelease"}, Limit: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	text, _, err := ring.VerifyInline(signed, debiantest.Today)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := ring.VerifyInline(data, debiantest.Today)
		if err == nil && !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(text)) {
			t.Fatalf("a text that nobody signed was accepted: %q", got)
		}
	})
}
