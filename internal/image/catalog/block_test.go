package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// big returns a catalog of n artifacts with as much to say as a distribution's, none of which compresses well.
func big(n int) *Catalog {
	c := &Catalog{
		Name: "big", Date: time.Unix(1e9, 0).UTC(), Lock: "sha256:" + strings.Repeat("0", 64),
		Sources: []artifact.Source{{Kind: "plain", Name: "files"}},
	}
	for i := range n {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		text := hex.EncodeToString(sum[:])
		a := artifact.Item{Kind: "plain", Source: "files", Name: fmt.Sprintf("name-%06d", i), Version: "1.2-" + text[:3], Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"any"}}}, Files: []artifact.File{{Size: 100_000, SHA256: text, Path: fmt.Sprintf("pool/name-%06d.bin", i)}}}
		a.Files[0].URLs = []string{"http://mirror.example.org/files/" + a.Files[0].Path}
		for line := range 9 {
			a.Metadata = append(a.Metadata, fmt.Sprintf("Field-%d: %s %s", line, text[line*4:][:12], strings.Repeat("what it says ", 3)))
		}
		c.Items = append(c.Items, a)
		c.Files = append(c.Files, File{Path: a.ID(), Layer: 1, Offset: int64(i) * 101_000, Size: a.Files[0].Size, SHA256: a.Files[0].SHA256})
		if i%100 == 0 {
			c.Aliases = append(c.Aliases, Alias{"plain", fmt.Sprintf("virtual-%03d", i/100), []string{a.Name}})
		}
	}
	return c
}

// reading opens a catalog and counts what it reads.
func reading(t *testing.T, c *Catalog) (r *Reader, head []byte, read *atomic.Int64) {
	t.Helper()
	head, records, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read = new(atomic.Int64)
	r, err = NewReader(head, int64(len(records)), nil, func(_ context.Context, offset, size int64) ([]byte, error) {
		read.Add(size)
		return records[offset:][:size], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, head, read
}

// Whatever the image's size, a few names cost a few blocks.
func TestFindReadsLittle(t *testing.T) {
	for _, n := range []int{1, 100, 8000} {
		r, head, read := reading(t, big(n))
		var names []string
		for i := range 40 {
			names = append(names, fmt.Sprintf("name-%06d", i*n/40))
		}
		names = append(names, "virtual-000", "none", "", "zzz")
		found, aliases, err := r.Find(t.Context(), "plain", names)
		if err != nil || len(found) != min(n, 40) || len(aliases) != 1 {
			t.Fatalf("%d: %d found, %v, %v", n, len(found), aliases, err)
		}
		if got := int64(len(head)) + read.Load(); got > 180_000 {
			t.Errorf("%d artifacts: %d bytes for %d names", n, got, len(names))
		}
		before := read.Load()
		if _, _, err := r.Find(t.Context(), "plain", names[:2]); err != nil || read.Load() != before {
			t.Errorf("%d artifacts: read again: %d bytes, %v", n, read.Load()-before, err)
		}
	}
}

// One key shares a block, however many rows it has.
func TestManyRowsOfOneKey(t *testing.T) {
	c := big(3000)
	for i := range c.Items {
		c.Items[i].Name = "same"
		if i < 10 {
			c.Items[i].Name = "before"
		}
	}
	r, _, _ := reading(t, c)
	found, _, err := r.Find(t.Context(), "plain", []string{"same", "before"})
	if err != nil || len(found["same"]) != 2990 || len(found["before"]) != 10 {
		t.Errorf("%d, %v", len(found["same"]), err)
	}
}

// A head and blocks that lie are refused when they are read.
func TestBlockLies(t *testing.T) {
	a, b := &artifact.Source{Kind: "k", Name: "a"}, &artifact.Source{Kind: "k", Name: "b"}
	good := func(w *recordsWriter, h *Head) {
		h.Tables.Sources, _ = w.table(slices.Values([]row{{"a", a}, {"b", b}}))
	}
	for name, test := range map[string]struct {
		lie  func(w *recordsWriter, h *Head)
		want string
	}{
		"good":      {func(w *recordsWriter, h *Head) {}, ""},
		"version":   {func(w *recordsWriter, h *Head) { h.Version = 4 }, "this program reads versions 1 to 3"},
		"name":      {func(w *recordsWriter, h *Head) { h.Name = "../x" }, "name"},
		"digest":    {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].SHA256 = strings.Repeat("0", 64) }, "sha256 mismatch"},
		"no digest": {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].SHA256 = "" }, "sha256"},
		"size":      {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].Size = 1 << 40 }, "lie outside"},
		"offset":    {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].Offset = 1 << 62 }, "lie outside"},
		"negative":  {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].Offset = -1 }, "lie outside"},
		"overflow": {func(w *recordsWriter, h *Head) {
			h.Tables.Sources.Blocks[0].Offset, h.Tables.Sources.Blocks[0].Size = 1<<63-1, 1<<63-1
		}, "lie outside"},
		"first":   {func(w *recordsWriter, h *Head) { h.Tables.Sources.Blocks[0].First = "0" }, "out of order"},
		"rows":    {func(w *recordsWriter, h *Head) { h.Tables.Sources.Rows++ }, "other than 3 rows"},
		"fewer":   {func(w *recordsWriter, h *Head) { h.Tables.Sources.Rows-- }, "other than 1 rows"},
		"absurd":  {func(w *recordsWriter, h *Head) { h.Tables.Sources.Rows = 1 << 50 }, "a table of"},
		"levels":  {func(w *recordsWriter, h *Head) { h.Tables.Sources.Levels = 1000 }, "1000 levels"},
		"a level": {func(w *recordsWriter, h *Head) { h.Tables.Sources.Levels = 1 }, "out of order"},
		"twice": {func(w *recordsWriter, h *Head) {
			h.Tables.Sources.Blocks = append(h.Tables.Sources.Blocks, h.Tables.Sources.Blocks...)
		}, "out of order"},
		"the same bytes twice": {func(w *recordsWriter, h *Head) {
			again := h.Tables.Sources.Blocks[0]
			again.First = "b"
			h.Tables.Sources.Blocks = append(h.Tables.Sources.Blocks, again)
		}, "lie outside"},
		"order": {func(w *recordsWriter, h *Head) {
			h.Tables.Sources, _ = w.table(slices.Values([]row{{"b", b}, {"a", a}}))
		}, "out of order"},
		"not JSON": {func(w *recordsWriter, h *Head) {
			h.Tables.Sources, _ = w.table(slices.Values([]row{{"b", 1}}))
		}, "row 1: json"},
		"deep JSON": {func(w *recordsWriter, h *Head) {
			h.Tables.Sources, _ = w.table(slices.Values([]row{{"b", json.RawMessage(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))}}))
		}, "row 1: json"},
		"set": {func(w *recordsWriter, h *Head) {
			h.Sets = []SetSummary{{Set: artifact.Set{Name: "a b", Architecture: "any"}}}
		}, "not a valid name"},
		"empty set": {func(w *recordsWriter, h *Head) {
			h.Sets = []SetSummary{{Set: artifact.Set{Name: "a", Architecture: "any"}, Count: 1}}
		}, "got 0 items"},
		"set without a head": {func(w *recordsWriter, h *Head) {
			h.Tables.Sets, _ = w.table(slices.Values([]row{{"a/b", setMember{Set: "a/b"}}}))
		}, "no item"},
		"alias twice": {func(w *recordsWriter, h *Head) {
			h.Tables.Items, _ = w.table(itemRows(nil, []Alias{{"k", "n", []string{}}, {"k", "n", []string{}}}))
		}, "repeated"},
	} {
		w, err := newRecordsWriter()
		if err != nil {
			t.Fatal(err)
		}
		h := Head{Version: FormatVersion, Name: "x", Lock: "sha256:" + strings.Repeat("0", 64)}
		good(w, &h)
		test.lie(w, &h)
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(w.zstd.EncodeAll(text, nil), int64(w.Len()), nil, func(_ context.Context, offset, size int64) ([]byte, error) {
			return w.Bytes()[offset:][:size], nil
		})
		if err == nil {
			_, _, err = r.Load(t.Context(), false)
		}
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && name != "version" && !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%s: not ErrVerify: %v", name, err)
		}
	}
}

// A block that would fill the memory is given up.
func TestBlockBomb(t *testing.T) {
	w, err := newRecordsWriter()
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := newBlockDecoder()
	if err != nil {
		t.Fatal(err)
	}
	bomb := w.zstd.EncodeAll(make([]byte, maxBlock+1), nil)
	ref := blockRef{SHA256: strings.TrimPrefix(DigestOf(bomb), "sha256:")}
	if _, err := ref.open(decoder, bomb); !errors.Is(err, artifact.ErrVerify) {
		t.Error(err)
	}
}
