package receipt_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/content/contenttest"
	"github.com/minimirror/minimirror/internal/receipt"
)

// A key signs as minisign does, and believes nobody else.
type key struct {
	public  minisign.PublicKey
	private minisign.PrivateKey
}

func newKey(t testing.TB) key {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{public, private}
}

func (k key) Sign(text []byte, comment string) ([]byte, error) {
	r := minisign.NewReader(bytes.NewReader(text))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	return r.SignWithComments(k.private, comment, "signature of a receipt"), nil
}

func (k key) Verify(text, signature []byte) (string, error) {
	r := minisign.NewReader(bytes.NewReader(text))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", err
	}
	if !r.Verify(k.public, signature) {
		return "", artifact.Verifyf("no good signature")
	}
	return "the site's key", nil
}

var made = time.Date(2026, 12, 1, 10, 20, 30, 0, time.UTC)

// signed is a receipt of what a folder has, as the connected side reads it.
func signed(t testing.TB, k key, dir string, brief bool) *receipt.Signed {
	t.Helper()
	var h receipt.Holding
	if err := h.AddFolder(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	r := &receipt.Receipt{Name: "north", Created: made}
	h.Fill(r, brief)
	s, err := r.Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	again, err := receipt.Read(s.File())
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != s.ID || !bytes.Equal(again.File(), s.File()) {
		t.Fatal("what was read is not what was written")
	}
	if err := again.Verify(k); err != nil {
		t.Fatal(err)
	}
	return again
}

func blobs(t testing.TB, dir string) (all []digest.Digest) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "blobs/sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, digest.NewDigestFromEncoded(digest.SHA256, e.Name()))
	}
	return all
}

func TestHolding(t *testing.T) {
	k := newKey(t)
	l := contenttest.New(t, 1)
	first := l.Image(1000, 2000, 3000)
	l.List("site:1", first)
	l.List("site:2", l.Image(4000))
	loose := l.Blob(v1.MediaTypeImageLayer, []byte("of an import that was not finished"))

	s := signed(t, k, l.Dir, false)
	if got := s.Receipt.Blobs.All(); !slices.Equal(got, blobs(t, l.Dir)) {
		t.Errorf("the receipt has %d blobs, and the folder %d", len(got), len(blobs(t, l.Dir)))
	}
	if !s.Receipt.Blobs.Has(loose.Digest) {
		t.Error("a blob that no image needs is left out")
	}
	if im := s.Receipt.Images; len(im) != 2 || !im[0].Complete || !im[1].Complete || im[0].Name != "site:1" || im[0].Blobs != 5 {
		t.Errorf("images: %+v", im)
	}

	// Holes: a layer is missing, another one is damaged, and so is a whole manifest.
	m := manifest(t, l.Dir, first.Digest)
	l.Remove(m.Layers[0])
	flip(t, l.Dir, m.Layers[1].Digest)
	flip(t, l.Dir, s.Receipt.Images[1].Digest)
	holes := signed(t, k, l.Dir, false)
	lost := []digest.Digest{m.Layers[0].Digest, m.Layers[1].Digest, s.Receipt.Images[1].Digest}
	for _, d := range blobs(t, l.Dir) {
		if holes.Receipt.Blobs.Has(d) == slices.Contains(lost, d) {
			t.Errorf("%s: listed: %t", d, holes.Receipt.Blobs.Has(d))
		}
	}
	wantLacks := slices.Sorted(slices.Values(lost[:2]))
	if im := holes.Receipt.Images; im[0].Complete || !slices.Equal(im[0].Lacks, wantLacks) || im[1].Complete || !slices.Equal(im[1].Lacks, lost[2:]) {
		t.Errorf("images: %+v", im)
	}
	if d := holes.Receipt.Damaged; len(d) != 2 || !strings.Contains(d[0].Why, "has the digest sha256:") {
		t.Errorf("damaged: %+v", d)
	}
	var text bytes.Buffer
	if err := holes.Text(&text, 20); err != nil || !strings.Contains(text.String(), "lacks "+lost[0].String()) || !strings.Contains(text.String(), "damaged, and not counted as there: 2") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestEmptyFolder(t *testing.T) {
	s := signed(t, newKey(t), t.TempDir(), false)
	if s.Receipt.Blobs.Len() != 0 || len(s.Receipt.Images) != 0 {
		t.Errorf("%+v", s.Receipt)
	}
}

// TestBase leaves out what the site has, and nothing else.
func TestBase(t *testing.T) {
	k := newKey(t)
	l := contenttest.New(t, 2)
	old := l.Image(1000, 2000)
	l.List("site:1", old)
	for _, brief := range []bool{false, true} {
		s := signed(t, k, l.Dir, brief)
		if brief != (s.Receipt.Blobs.Len() == 0) {
			t.Errorf("brief %t: %d blobs are listed", brief, s.Receipt.Blobs.Len())
		}
		// The connected side has another image, and the old one is in the folder without a name.
		c := contenttest.New(t, 2)
		c.Image(1000, 2000)
		fresh := c.Image(3000)
		c.List("site:2", fresh)
		src, err := content.OpenLayout(c.Dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		base, err := s.Base(t.Context(), src)
		if err != nil || len(base.Notes) > 0 || base.ID != s.ID {
			t.Fatal(base, err)
		}
		for _, d := range blobs(t, c.Dir) {
			if base.Has(d) != s.Receipt.Blobs.Has(d) && !brief || base.Has(d) != slices.Contains(blobs(t, l.Dir), d) {
				t.Errorf("brief %t: %s: left out: %t", brief, d, base.Has(d))
			}
		}
		if brief { // without the old image, everything is sent again
			other := contenttest.New(t, 3)
			other.List("site:2", other.Image(10))
			src, err := content.OpenLayout(other.Dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			base, err := s.Base(t.Context(), src)
			if err != nil || len(base.Notes) != 1 || !strings.Contains(base.Notes[0], old.Digest.String()) || base.Has(old.Digest) {
				t.Error(base, err)
			}
		}
	}
}

func TestUnverified(t *testing.T) {
	s := signed(t, newKey(t), t.TempDir(), false)
	s, err := receipt.Read(s.File())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Base(t.Context()); !errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}

// TestForged changes each byte of a receipt: nothing is believed.
func TestForged(t *testing.T) {
	k := newKey(t)
	l := contenttest.New(t, 4)
	l.List("site:1", l.Image(10))
	file := signed(t, k, l.Dir, false).File()
	end := bytes.Index(file, []byte("\nuntrusted comment:"))
	for at := range file {
		forged := bytes.Clone(file)
		forged[at] ^= 1
		s, err := receipt.Read(forged)
		if err != nil || s.Verify(k) != nil {
			continue
		}
		if at <= end || !bytes.Equal(s.Body, file[:end+1]) { // what is not signed in minisign's lines may change: a comment, unused bits of base64
			t.Fatalf("byte %d, %q, may be changed", at, file[at])
		}
	}
	s, err := receipt.Read(file)
	if err != nil || !errors.Is(s.Verify(newKey(t)), artifact.ErrVerify) || s.By != "" {
		t.Error(err, s.By)
	}
	if _, err := receipt.Read(file[:bytes.Index(file, []byte("untrusted comment:"))]); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "has no signature") {
		t.Error(err)
	}
}

func TestSeen(t *testing.T) {
	k := newKey(t)
	at := func(hours int) *receipt.Signed {
		r := &receipt.Receipt{Name: "north", Created: made.Add(time.Duration(hours) * time.Hour)}
		s, err := r.Sign(k)
		if err == nil {
			err = s.Verify(k)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	file := filepath.Join(t.TempDir(), "state", "receipts.json")
	use := func(s *receipt.Signed, older bool) error {
		seen, err := receipt.OpenSeen(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := seen.Check(s); err != nil && !older {
			return err
		}
		return seen.Remember(s)
	}
	for _, step := range []struct {
		hours int
		older bool
		want  bool
	}{{1, false, true}, {1, false, true}, {2, false, true}, {1, false, false}, {1, true, true}, {1, false, true}, {2, false, true}} {
		if err := use(at(step.hours), step.older); (err == nil) != step.want || err != nil && !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	k := newKey(f)
	l := contenttest.New(f, 5)
	l.List("site:1", l.Image(10))
	s := signed(f, k, l.Dir, false)
	f.Add(s.File())
	lines, err := s.Lines(100)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(strings.Join(lines, "\n")))
	f.Add([]byte("{\"minimirror\":\"receipt\"}\n-----BEGIN PGP SIGNATURE-----\n"))
	other := newKey(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := receipt.Read(data)
		if err != nil {
			return
		}
		if s.Verify(other) == nil {
			t.Error("a key that has signed nothing verifies it")
		}
		if err := s.Text(new(bytes.Buffer), 0); err != nil {
			t.Error(err)
		}
		again, err := s.Receipt.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Read(append(again, s.Signature...)); err != nil {
			t.Errorf("what was read cannot be written and read again: %v", err)
		}
	})
}
