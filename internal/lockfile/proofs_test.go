package lockfile

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
)

// signed is sample with what upstream signed.
func signed(contents ...string) *Lock {
	l := sample()
	r := &l.Sources[0].Releases[0]
	for i, content := range contents {
		r.Proofs = append(r.Proofs, artifact.Proof{Path: "dists/" + string(rune('a'+i)), Size: int64(len(content)),
			SHA256: strings.TrimPrefix(Digest([]byte(content)), "sha256:"), URLs: []string{"http://h/a"}, Data: []byte(content)})
	}
	r.Proofs = append(r.Proofs, artifact.Proof{Path: "dists/index", Size: 1, SHA256: strings.Repeat("b", 64), URLs: []string{"http://h/i"}})
	return l
}

// write writes a lock into the file.
func write(t *testing.T, l *Lock, file string) {
	t.Helper()
	data, err := l.Encode()
	if err == nil {
		err = l.Write(file, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !l.Written(file) {
		t.Error("Written does not know what Write wrote")
	}
}

// contents are what ReadComplete has of the proofs.
func contents(t *testing.T, file string) string {
	t.Helper()
	l, _, err := ReadComplete(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range l.Sources[0].Releases[0].Proofs {
		all = append(all, string(p.Data))
	}
	return strings.Join(all, "|")
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, proofs := filepath.Join(dir, "mirror.lock"), filepath.Join(dir, "mirror.proofs")
	long := strings.Repeat("a line that repeats\n", 100_000)
	write(t, signed(long, "two", ""), file)
	if got := contents(t, file); got != long+"|two||" {
		t.Errorf("read: %.100q", got)
	}
	lock, err := os.ReadFile(file)
	if err != nil || len(lock) > 5000 || bytes.Contains(lock, []byte(`"data"`)) || bytes.Count(lock, []byte(`"kept": true`)) != 3 {
		t.Errorf("the lock holds what mirror.proofs keeps: %v\n%.5000s", err, lock)
	}
	packed, err := os.ReadFile(proofs)
	if err != nil || len(packed) > 2000 {
		t.Errorf("mirror.proofs: %d bytes, %v", len(packed), err)
	}

	// A lock that was read is written as it was, and the same again leaves other packings alone.
	again, _, err := ReadComplete(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, packing := range [][]byte{packed, repack(t, packed)} {
		if err := os.WriteFile(proofs, packing, 0o644); err != nil {
			t.Fatal(err)
		}
		write(t, again, file)
		now, err := os.ReadFile(proofs)
		nowLock, err2 := os.ReadFile(file)
		if err != nil || err2 != nil || !bytes.Equal(now, packing) || !bytes.Equal(nowLock, lock) {
			t.Errorf("the same lock changes its files: %v %v", err, err2)
		}
	}

	// Nothing to keep: no file.
	write(t, sample(), file)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

// repack is the same archive, compressed otherwise.
func repack(t *testing.T, packed []byte) []byte {
	t.Helper()
	decoder, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	plain, err := io.ReadAll(decoder)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	other := encoder.EncodeAll(plain, nil)
	if bytes.Equal(other, packed) {
		t.Fatal("both levels compress alike")
	}
	return other
}

// TestSymbolicLink: definitions may share a lock, and then what it keeps.
func TestSymbolicLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "mirror.lock")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "locks"), 0o755), os.WriteFile(filepath.Join(dir, "locks/site.lock"), nil, 0o644),
		os.Symlink("locks/site.lock", link)); err != nil {
		t.Fatal(err)
	}
	write(t, signed("one"), link)
	if got := contents(t, link); got != "one|" {
		t.Error(got)
	}
	if _, err := os.Stat(filepath.Join(dir, "locks/site.proofs")); err != nil {
		t.Error(err)
	}
}

// TestCrash ends Write after each of its steps.
func TestCrash(t *testing.T) {
	before, after := signed("one", "both"), signed("both", "two", "three")
	data, err := after.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []*Lock{before, sample()} {
		for done := range 4 {
			file := filepath.Join(t.TempDir(), "mirror.lock")
			write(t, old, file)
			steps := after.steps(file, data)
			for _, step := range steps[:min(done, len(steps))] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := ReadComplete(file); err != nil {
				t.Errorf("after %d steps: %v", done, err)
			}
			// The same again ends it.
			write(t, after, file)
			if got := contents(t, file); got != "both|two|three|" {
				t.Errorf("after %d steps and again: %q", done, got)
			}
		}
	}
}

// TestTogether writes and reads at once.
func TestTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mirror.lock")
	write(t, signed("first"), file)
	var writers sync.WaitGroup
	for _, own := range []string{"one", "two"} {
		writers.Go(func() {
			for i := range 8 {
				l := signed(own, strings.Repeat(own, i))
				data, err := l.Encode()
				if err == nil {
					err = l.Write(file, data)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { writers.Wait(); close(ended) }()
	for reading := true; reading; {
		select {
		case <-ended:
			reading = false
		default:
		}
		if _, _, err := ReadComplete(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProofsRefused(t *testing.T) {
	archive := func(headers ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if h.Typeflag == tar.TypeReg {
				h.Size = 3
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Size > 0 {
				_, _ = w.Write([]byte("one"))
			}
		}
		_ = w.Close()
		e, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return e.EncodeAll(b.Bytes(), nil)
	}
	one := strings.TrimPrefix(Digest([]byte("one")), "sha256:")
	good, err := signed("one").store().pack()
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	other, err := signed("two").store().pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data     []byte
		sentinel error // nil: it is good
		text     string
	}{
		"good":            {good, nil, ""},
		"by another tar":  {archive(tar.Header{Typeflag: tar.TypeDir, Name: "./sha256/"}, tar.Header{Typeflag: tar.TypeReg, Name: "./sha256/" + one, Uid: 1000}), nil, ""},
		"missing":         {nil, artifact.ErrStale, "mirror.proofs: there is no such file, but "},
		"of another lock": {other, artifact.ErrStale, "mirror.proofs: it is of another lock: "},
		"no entries":      {archive(), artifact.ErrStale, "of another lock"},
		"empty":           {[]byte{}, artifact.ErrVerify, "mirror.proofs: it is damaged: it is empty"},
		"cut off":         {good[:len(good)/2], artifact.ErrVerify, "it is damaged"},
		"checksum":        {flipped, artifact.ErrVerify, "it is damaged"},
		"text":            {[]byte("<<<<<<< HEAD\n"), artifact.ErrVerify, "it is damaged"},
		"other content":   {archive(tar.Header{Typeflag: tar.TypeReg, Name: "sha256/" + strings.Repeat("a", 64)}), artifact.ErrVerify, "sha256 mismatch"},
		"other name":      {archive(tar.Header{Typeflag: tar.TypeReg, Name: "sha256/../x"}), artifact.ErrVerify, `"sha256/../x"`},
		"a link":          {archive(tar.Header{Typeflag: tar.TypeSymlink, Name: "sha256/" + one, Linkname: "/etc/passwd"}), artifact.ErrVerify, "its name is not"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mirror.lock")
			write(t, signed("one"), file)
			if err := os.Remove(ProofsFile(file)); err != nil {
				t.Fatal(err)
			}
			if test.data != nil {
				if err := os.WriteFile(ProofsFile(file), test.data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			l, digest, err := ReadComplete(file)
			if test.sentinel == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrProofs) || !errors.Is(err, test.sentinel) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v", err)
			}
			if l == nil || digest == "" || l.Sources[0].Releases[0].Proofs[0].Data != nil {
				t.Error("the lock is not there, or not without what it lacks")
			}
			if l, _, err := Read(file); err != nil || l.Name != "n" {
				t.Error("Read needs mirror.proofs", err)
			}
			write(t, signed("one"), file)
			if got := contents(t, file); got != "one|" {
				t.Error("writing it again does not mend it", got)
			}
		})
	}
}

// TestFormat2: older programs kept what upstream signed in the lock itself.
func TestFormat2(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mirror.lock")
	alone, err := signed("one").EncodeAlone()
	if err != nil {
		t.Fatal(err)
	}
	old := bytes.Replace(alone, []byte(`"format": 3`), []byte(`"format": 2`), 1)
	if bytes.Equal(old, alone) || !bytes.Contains(old, []byte(`"data": "b25l"`)) || bytes.Contains(old, []byte("kept")) {
		t.Fatalf("not a lock as it was:\n%s", old)
	}
	for _, data := range [][]byte{alone, old} {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, file); got != "one|" {
			t.Error(got)
		}
		previous, digest, err := ReadComplete(file)
		if err != nil {
			t.Fatal(err)
		}
		next := signed("one")
		written, err := next.Follow(previous, digest, day, day)
		if err != nil || Digest(written) == digest || !next.Date.Equal(day) {
			t.Error("the other format counts as other content, or is kept", err, next.Date)
		}
		write(t, next, file)
		if got := contents(t, file); got != "one|" {
			t.Error(got)
		}
	}
}

// TestPack: the same bytes, whatever the order; and git sees at the beginning that they are no text.
func TestPack(t *testing.T) {
	one, err := signed("one", "two", "three").store().pack()
	if err != nil {
		t.Fatal(err)
	}
	two, err := signed("three", "one", "two", "two").store().pack()
	if err != nil || !bytes.Equal(one, two) {
		t.Error("the order matters", err)
	}
	for size := 0; size < 400_000; size = size*3/2 + 100 {
		data, err := signed(strings.Repeat("x", size)).store().pack()
		if err != nil || bytes.IndexByte(data[:min(len(data), 8000)], 0) < 0 {
			t.Errorf("%d bytes: no zero at the beginning: %v", size, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, l := range []*Lock{signed("one", "two"), signed()} {
		data, err := l.store().pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := unpack(bytes.NewReader(data))
		if err != nil {
			return
		}
		packed, err := all.pack()
		if err != nil {
			t.Fatal(err)
		}
		again, err := unpack(bytes.NewReader(packed))
		if err != nil || len(again) != len(all) || !again.holds(all) {
			t.Fatal("another content after packing", err)
		}
	})
}
