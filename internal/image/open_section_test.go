package image

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

const around = "before|the section's own text|after"

func sectionOf(t *testing.T, content string, base, size int64) *Section {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return newSection(f, base, size, (*os.File).Close)
}

// No way of reading leaves the section.
func TestSection(t *testing.T) {
	base := int64(strings.Index(around, "|") + 1)
	want := around[base:strings.LastIndex(around, "|")]
	open := func() *Section { return sectionOf(t, around, base, int64(len(want))) }

	s := open()
	if err := iotest.TestReader(s, []byte(want)); err != nil {
		t.Error(err)
	}
	s.Close()
	for _, n := range []int64{0, 5, int64(len(want)), 1 << 40} {
		s := open()
		if _, err := s.Seek(4, io.SeekStart); err != nil {
			t.Error(err)
		}
		var b bytes.Buffer
		count, err := s.CopyTo(&b, n)
		if expect := want[4:min(int64(len(want)), 4+n)]; err != nil || b.String() != expect || count != int64(len(expect)) {
			t.Errorf("CopyTo %d: %q, %v", n, b.String(), err)
		}
		rest, err := io.ReadAll(s)
		if b.String()+string(rest) != want[4:] || err != nil {
			t.Errorf("after CopyTo %d: %q, %v", n, rest, err)
		}
		s.Close()
	}
	s = open()
	if _, err := s.Seek(-1, io.SeekStart); err == nil {
		t.Error("a position before the start")
	}
	if _, err := s.Seek(1000, io.SeekStart); err != nil {
		t.Error(err)
	}
	if data, err := io.ReadAll(s); len(data) != 0 || err != nil {
		t.Errorf("beyond the end: %q, %v", data, err)
	}
	if n, err := s.WriteTo(io.Discard); n != 0 || err != nil {
		t.Errorf("beyond the end: %d, %v", n, err)
	}
	s.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}

// A file that was cut short is an error, not an end.
func TestSectionOfShortFile(t *testing.T) {
	s := sectionOf(t, "short", 2, 10)
	defer s.Close()
	if data, err := io.ReadAll(s); string(data) != "ort" || err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v", data, err)
	}
	s.Seek(0, io.SeekStart)
	if n, err := s.WriteTo(io.Discard); n != 3 || err != io.ErrUnexpectedEOF {
		t.Errorf("%d, %v", n, err)
	}
}
