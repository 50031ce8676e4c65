package generated

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

func TestChunkReader(t *testing.T) {
	chunks := [][]byte{[]byte("head"), nil, []byte("a"), []byte("middle"), nil, []byte("end")}
	whole := bytes.Join(chunks, nil)
	if err := iotest.TestReader(newChunkReader(chunks), whole); err != nil {
		t.Error(err)
	}
	for from := range len(whole) + 2 {
		for n := range len(whole) + 2 {
			r, out := newChunkReader(chunks), new(bytes.Buffer)
			if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			begin := min(from, len(whole))
			want := whole[begin:min(begin+n, len(whole))]
			if copied, err := r.CopyTo(out, int64(n)); err != nil || copied != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("%d bytes from %d: got %q (%d, %v), want %q", n, from, out, copied, err, want)
			}
		}
	}
	if r := newChunkReader(nil); r.size() != 0 || len(r.rest()) != 0 {
		t.Error("nothing has bytes")
	}
	if _, err := newChunkReader(chunks).Seek(-1, io.SeekStart); err == nil {
		t.Error("a position before the start")
	}
}
