package generated

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestFiles(t *testing.T) {
	since, shared := time.Unix(1, 0), []byte("shared")
	all := Files{}
	if err := all.Add([]artifact.Generated{
		{Path: "name", Link: "list"},
		{Path: "list", Chunks: [][]byte{shared, []byte(" and own")}},
		{Path: "other", Chunks: [][]byte{shared}},
		{Path: "plain", Data: []byte("plain")},
	}, nil, since); err != nil {
		t.Fatal(err)
	}
	// A later kind's link may lead to an earlier kind's file.
	if err := all.Add([]artifact.Generated{{Path: "second", Link: "plain"}}, nil, since); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"name": "shared and own", "list": "shared and own", "other": "shared", "plain": "plain", "second": "plain"} {
		f := all[path]
		if f == nil || f.Path != path || !f.Since.Equal(since) || f.Size != int64(len(want)) {
			t.Errorf("%s: %+v", path, f)
			continue
		}
		r, err := f.Open(true)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); string(text) != want || err != nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if all["name"].SHA256 != all["list"].SHA256 || all["plain"].SHA256 == all["list"].SHA256 {
		t.Error("digests do not follow the content")
	}
	counted := map[*byte]bool{}
	if n, again := all["list"].Keeps(counted), all["other"].Keeps(counted); n != 14 || again != 0 {
		t.Errorf("the list keeps %d bytes, and what it shares costs %d again", n, again)
	}
	if err := all.Add([]artifact.Generated{{Path: "lost", Link: "nothing"}}, nil, since); err == nil || !strings.Contains(err.Error(), "lost is a link to nothing") {
		t.Errorf("a link to nothing: %v", err)
	}
}
