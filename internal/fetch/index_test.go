package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestIndex(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(body)
	w.Close()
	gunzip := func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	var requests atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path == "/damaged.gz" {
			w.Write(packed.Bytes()[:100])
			return
		}
		w.Write(packed.Bytes())
	})
	file := func(name string) artifact.RemoteFile {
		return artifact.RemoteFile{URLs: []string{u + name}, Content: contentOf(packed.Bytes()), Decode: gunzip}
	}
	for name, want := range map[string]artifact.Content{"known": contentOf(body), "unknown": {Size: -1}} {
		t.Run(name, func(t *testing.T) {
			f := client(t)
			for range 2 {
				index, err := f.Index(context.Background(), want, []artifact.RemoteFile{file("/damaged.gz"), file("/good.gz")})
				if err != nil || !bytes.Equal(index.Data, body) {
					t.Fatal(len(index.Data), err)
				}
			}
		})
	}
	if requests.Load() != 2*2 {
		t.Fatalf("%d requests: the second reading should ask nobody", requests.Load())
	}
	if _, err := client(t).Index(context.Background(), artifact.Content{Size: 1<<63 - 1, SHA256: contentOf(body).SHA256}, []artifact.RemoteFile{file("/good.gz")}); !errors.Is(err, artifact.ErrVerify) {
		t.Fatalf("an absurd size: %v", err)
	}
	lie := contentOf(append(bytes.Clone(body), 'x'))
	if _, err := client(t).Index(context.Background(), lie, []artifact.RemoteFile{file("/good.gz")}); !errors.Is(err, artifact.ErrVerify) {
		t.Fatalf("decoded content that is not what was promised: %v", err)
	}
}

// TestIndexNote: a large index that is read again is decoded for the last time. A note that is damaged, or lies, is
// as good as none.
func TestIndexNote(t *testing.T) {
	large := bytes.Repeat(body, worthNoting/len(body)+1)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(large)
	w.Close()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(packed.Bytes()) })
	decoded := 0
	file := artifact.RemoteFile{URLs: []string{u}, Content: contentOf(packed.Bytes()), Decode: func(r io.Reader) (io.ReadCloser, error) {
		decoded++
		return gzip.NewReader(r)
	}}
	f := client(t)
	index := func(what string, times int) {
		t.Helper()
		got, err := f.Index(context.Background(), contentOf(large), []artifact.RemoteFile{file})
		if err != nil || !bytes.Equal(got.Data, large) {
			t.Fatal(what, len(got.Data), err)
		}
		if decoded != times {
			t.Fatalf("%s: decoded %d times, want %d", what, decoded, times)
		}
	}
	index("first", 1)
	index("again", 2)
	index("noted", 2)
	note := filepath.Join(f.Cache.Dir(), "note", indexNotes, contentOf(large).SHA256)
	for what, data := range map[string][]byte{"no zstd": []byte("x"), "cut": nil} {
		if data == nil {
			kept, err := os.ReadFile(note)
			if err != nil {
				t.Fatal(err)
			}
			data = kept[:len(kept)/2]
		}
		if err := os.WriteFile(note, data, 0o644); err != nil {
			t.Fatal(err)
		}
		before := decoded
		index(what, before+1)
	}
	index("noted anew", 4)
	if err := os.Remove(filepath.Join(f.Cache.Dir(), "sha256", file.SHA256)); err != nil {
		t.Fatal(err)
	}
	index("without the file itself", 5)
	if !f.Cache.Has(file.Content) {
		t.Fatal("the file itself is not in the cache")
	}
}
