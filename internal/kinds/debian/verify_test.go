package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A carriedImage is what verify reads of an image.
type carriedImage struct {
	pins  artifact.Pins
	files map[string][]byte
	keys  []artifact.KeyFile
}

func keyFiles(all ...[]byte) (keys []artifact.KeyFile) {
	for _, data := range all {
		keys = append(keys, artifact.KeyFile{Name: "k.asc", Data: data})
	}
	return keys
}

func (c *carriedImage) verify() ([]string, error) {
	vouched, err := Kind{}.VerifyUpstream(context.Background(), c.pins, c.keys, func(name string) (io.ReadCloser, error) {
		data, found := c.files[name]
		if !found {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	if err == nil && len(vouched.Items) != len(c.pins.Items) {
		return nil, fmt.Errorf("%d of %d items are vouched for", len(vouched.Items), len(c.pins.Items))
	}
	return vouched.Report, err
}

// replace puts other bytes in a proof's place, with their own digest: a liar is consistent.
func (c *carriedImage) replace(name string, data []byte) {
	for i := range c.pins.Sources {
		s := &c.pins.Sources[i]
		for j := range s.Releases {
			r := &s.Releases[j]
			for k := range r.Proofs {
				if p := &r.Proofs[k]; s.ProofID(p) == name {
					if r.SHA256 == p.SHA256 {
						r.SHA256 = deb822.SHA256(data)
					}
					p.SHA256, p.Size = deb822.SHA256(data), int64(len(data))
				}
			}
		}
	}
	c.files[name] = data
}

// carry locks an archive and returns what its image would hold.
func carry(t *testing.T, key *debiantest.Key, suites ...*debiantest.Suite) *carriedImage {
	t.Helper()
	archive := &debiantest.Archive{Suites: suites}
	text := "sources: [{name: d, urls: [URL], suites: [s], components: [main], architectures: [amd64], signed-by: key.asc}]\npackages: [tool]\n"
	if strings.HasSuffix(suites[0].Name, "/") {
		text = strings.NewReplacer("[s]", "["+suites[0].Name+"]", " components: [main],", "").Replace(text)
	}
	resolution, err := resolve(t, archive, key, text)
	if err != nil {
		t.Fatal(err)
	}
	c := &carriedImage{pins: artifact.Pins{Sources: resolution.Sources, Items: resolution.Items}, files: make(map[string][]byte), keys: keyFiles(key.Armored())}
	fetch := func(url string) []byte {
		data, _, err := artifact.Get(t.Context(), debiantest.Web{}, artifact.Request{URLs: []string{url}, Limit: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for i := range c.pins.Sources {
		s := &c.pins.Sources[i]
		for _, r := range s.Releases {
			for _, p := range r.Proofs {
				if c.files[s.ProofID(&p)] = p.Data; p.Data == nil {
					c.files[s.ProofID(&p)] = fetch(p.URLs[0])
				}
			}
		}
	}
	for i := range c.pins.Items {
		a := &c.pins.Items[i]
		c.files[a.FileID(&a.Files[0])] = fetch(a.Files[0].URLs[0])
	}
	return c
}

func TestVerifyUpstream(t *testing.T) {
	key, other := debiantest.NewKey("k"), debiantest.NewKey("other")
	short := debiantest.KeyConfig{Created: debiantest.Today.Add(-48 * time.Hour), Expires: debiantest.Today.Add(24 * time.Hour)}.New("expires")
	suite := func(name, signing string, key *debiantest.Key) *debiantest.Suite {
		return &debiantest.Suite{Name: name, Signing: signing, SignedBy: []*debiantest.Key{key}, Architectures: []string{"amd64"}, Packages: []*debiantest.Package{
			{Name: "tool", Fields: []string{"Depends: lib"}}, {Name: "lib"}}}
	}
	strong := suite("s", "inline", key)
	strong.Hashes = []string{"SHA512"}
	for _, p := range strong.Packages {
		p.Hashes = []string{"SHA512"}
	}
	const tool = "d/pool/main/t/tool/tool_1.0_all.deb"
	const inRelease, index = "upstream/d/dists/s/InRelease", "upstream/d/dists/s/main/binary-amd64/Packages.xz"
	for _, test := range []struct {
		name    string
		suite   *debiantest.Suite
		tamper  func(c *carriedImage)
		problem string // empty: it verifies
	}{
		{name: "inline", suite: suite("s", "inline", key)},
		{name: "detached", suite: suite("s", "detached", key)},
		{name: "flat", suite: suite("flat/", "both", key)},
		{name: "flat at the top", suite: suite("./", "both", key)},
		{name: "a key that has expired since", suite: suite("s", "inline", short), tamper: func(c *carriedImage) { c.keys = keyFiles(short.Armored()) }},
		{name: "another key", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.keys = keyFiles(other.Armored()) }, problem: inRelease + ": no good signature"},
		{name: "several keyrings", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.keys = keyFiles(other.Armored(), key.Binary()) }},
		{name: "no keyring", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.keys = keyFiles([]byte("hello")) }, problem: "not an OpenPGP keyring"},
		{name: "changed text", suite: suite("s", "inline", key), tamper: func(c *carriedImage) {
			c.replace(inRelease, bytes.Replace(c.files[inRelease], []byte("Suite: s"), []byte("Suite: x"), 1))
		}, problem: inRelease + ": the signature of key"},
		{name: "not what the catalog says", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.files[index] = []byte("x") }, problem: index + ": sha256 mismatch"},
		{name: "another index", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.replace(index, []byte("x")) }, problem: index + ": it does not match the signed Release"},
		{name: "an index of no release", suite: suite("s", "inline", key), tamper: func(c *carriedImage) {
			r := &c.pins.Sources[0].Releases[0]
			r.Proofs = append(r.Proofs, artifact.Proof{Path: "dists/s/more/Packages"})
			c.replace("upstream/d/dists/s/more/Packages", []byte("x"))
		}, problem: "more/Packages: the signed Release does not name it"},
		{name: "absent file", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { delete(c.files, index) }, problem: index + ": file does not exist"},
		{name: "another release", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.pins.Sources[0].Releases[0].SHA256 = deb822.SHA256(nil) }, problem: inRelease + ": sha256 mismatch"},
		{name: "no proofs", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.pins.Sources[0].Releases[0].Proofs = nil }, problem: "does not hold what upstream signed"},
		{name: "no index", suite: suite("s", "inline", key), tamper: func(c *carriedImage) {
			r := &c.pins.Sources[0].Releases[0]
			r.Proofs = r.Proofs[:1]
		}, problem: "d/pool/main/l/lib/lib_1.0_all.deb: no signed index lists"},
		{name: "SHA-512 alone", suite: strong},
		{name: "SHA-512 alone, another index", suite: strong, tamper: func(c *carriedImage) { c.replace(index, []byte("x")) }, problem: index + ": it does not match the signed Release"},
		{name: "SHA-512 alone, another file", suite: strong, tamper: func(c *carriedImage) { c.files[tool] = []byte("evil") }, problem: "tool_1.0_all.deb: size mismatch"},
		{name: "SHA-512 alone, another file of the same size", suite: strong, tamper: func(c *carriedImage) {
			c.files[tool][100] ^= 1
			c.pins.Items[1].Files[0].SHA256 = deb822.SHA256(c.files[tool])
		}, problem: "tool_1.0_all.deb: sha512 mismatch"},
		{name: "SHA-512 alone, another SHA-256", suite: strong, tamper: func(c *carriedImage) { c.pins.Items[1].Files[0].SHA256 = deb822.SHA256([]byte("evil")) }, problem: "tool_1.0_all.deb: sha256 mismatch"},
		{name: "SHA-512 alone, not said", suite: strong, tamper: func(c *carriedImage) { c.pins.Items[1].Metadata = nil }, problem: "tool_1.0_all.deb: no signed index lists"},
		{name: "SHA-512 alone, another one", suite: strong, tamper: func(c *carriedImage) {
			a := &c.pins.Items[1]
			evil := []byte("evil")
			h := artifact.Content{SHA512: "wanted"}.Hasher()
			h.Write(evil)
			c.files[tool], a.Files[0].Size, a.Files[0].SHA256 = evil, 4, deb822.SHA256(evil)
			a.Metadata = []string{"SHA512: " + h.Sum().SHA512}
		}, problem: "tool_1.0_all.deb: no signed index lists"},
		{name: "another package", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.pins.Items[1].Files[0].SHA256 = deb822.SHA256([]byte("evil")) }, problem: "tool_1.0_all.deb: no signed index lists"},
		{name: "another version", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.pins.Items[1].Version = "2.0" }, problem: "tool_1.0_all.deb: the image says of it"},
		{name: "one package under another's name", suite: suite("s", "inline", key), tamper: func(c *carriedImage) { c.pins.Items[1].Files[0].SHA256 = c.pins.Items[0].Files[0].SHA256 }, problem: "tool_1.0_all.deb: the image says of it"},
		{name: "another relation", suite: suite("s", "inline", key), tamper: func(c *carriedImage) {
			c.pins.Items[1].Metadata = append([]string{"Depends: evil"}, c.pins.Items[1].Metadata...)
		}, problem: "its other fields differ"},
	} {
		t.Run(test.name, func(t *testing.T) {
			signer := test.suite.SignedBy[0]
			c := carry(t, signer, test.suite)
			if test.tamper != nil {
				test.tamper(c)
			}
			report, err := c.verify()
			switch {
			case test.problem == "" && err != nil:
				t.Fatal(err)
			case test.problem == "" && (len(report) != 2 || !strings.Contains(report[0], signer.SignerFingerprint()) || !strings.Contains(report[1], "all 2 packages")):
				t.Fatal(report)
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Fatalf("%v, want %q", err, test.problem)
			case test.problem != "" && test.name != "no keyring" && !errors.Is(err, artifact.ErrVerify):
				t.Fatalf("%v is no verification error", err)
			}
		})
	}
}

// TestVerifyOtherKeys shows that keys for other kinds, which one command names too, do not disturb.
func TestVerifyOtherKeys(t *testing.T) {
	key := debiantest.NewKey("k")
	c := carry(t, key, &debiantest.Suite{Name: "s", Signing: "inline", SignedBy: []*debiantest.Key{key}, Architectures: []string{"amd64"}, Packages: []*debiantest.Package{{Name: "tool"}}})
	c.keys = append(keyFiles([]byte("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"), []byte("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n")), c.keys...)
	if _, err := c.verify(); err != nil {
		t.Error(err)
	}
}
