package fetch

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// tagged serves a text with an ETag, or without.
func tagged(text, tag *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if *tag != "" {
			w.Header().Set("ETag", *tag)
			if r.Header.Get("If-None-Match") == *tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		io.WriteString(w, *text)
	}
}

func TestPages(t *testing.T) {
	text, tag := "one", `W/"1"`
	up := newFake(t)
	up.HandleFunc("/page", tagged(&text, &tag))
	up.HandleFunc("/other", tagged(&text, &tag))
	c := client(t)
	r := artifact.Request{URLs: []string{up.url + "/absent", up.url + "/page"}, Limit: 10}
	asks := func(want, status string) {
		t.Helper()
		if a, got := up.ask(c, r, "GET /absent 404", "GET /page "+status); got != want || a.URL != r.URLs[1] {
			t.Errorf("%q from %s, want %q", got, a.URL, want)
		}
	}
	asks("one", "200")
	asks("one", "304")

	// A page is not a file of the cache, and a newer one takes its place.
	text, tag = "two", `W/"2"`
	asks("two", "200")
	asks("two", "304")
	kept, err := filepath.Glob(filepath.Join(c.Cache.Dir(), "note", "page", "*"))
	if err != nil || len(kept) != 1 || c.Cache.Has(contentOf([]byte("two"))) {
		t.Errorf("%v, %v", kept, err)
	}

	// What is damaged in the cache is as good as absent.
	data, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{"other": []byte(strings.Replace(string(data), "two", "six", 1)), "cut": data[:len(data)-3], "empty": nil,
		"long": append([]byte("x"), data...), "size": append(data[:len(data)-4:len(data)-4], 255, 255, 255, 255), "JSON": append(data[:3:3], "{}\x00\x00\x00\x02"...)} {
		if err := os.WriteFile(kept[0], damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		asks("two", "200")
	}
	asks("two", "304")

	// Without an ETag, a page comes each time.
	tag = ""
	asks("two", "200")
	asks("two", "200")

	// A page stays as it was opened, whatever follows.
	tag = `"3"`
	asks("two", "200")
	open, err := c.Ask(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	up.was("GET /absent 404", "GET /page 304")
	text, tag = "three", `"4"`
	asks("three", "200")
	if old, err := io.ReadAll(open.Body); err != nil || string(old) != "two" {
		t.Errorf("%q, %v", old, err)
	}

	// The limit counts for what is kept, too.
	r.Limit = 4
	if _, err := c.Ask(context.Background(), r); err == nil || !strings.Contains(err.Error(), "larger than 4 bytes") {
		t.Error(err)
	}
	if _, err := c.Ask(context.Background(), artifact.Request{}); err == nil {
		t.Error("a request without an address")
	}
}

// TestMemory brings more than may be in memory, in each manner.
func TestMemory(t *testing.T) {
	const size, most = 64 << 20, 8 << 20
	block := make([]byte, 64<<10)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range size / len(block) {
			w.Write(block)
		}
	})
	c := client(t)
	var kept artifact.Content
	for _, r := range []artifact.Request{{Keep: true}, {}, {Want: artifact.Content{Size: size}}} {
		if r.Want.Size == size {
			r.Want = kept
			if err := os.Remove(filepath.Join(c.Cache.Dir(), "sha256", kept.SHA256)); err != nil {
				t.Fatal(err)
			}
		}
		r.URLs = []string{u}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := c.Ask(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, a.Body); err != nil || a.Size != size {
			t.Fatal(a.Size, err)
		}
		kept = a.Content
		a.Close()
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most {
			t.Errorf("%+v: %d bytes were allocated", r, allocated)
		}
	}
}
