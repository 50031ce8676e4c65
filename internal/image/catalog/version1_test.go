package catalog

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// encodeVersion1 writes a catalog in the first version of the format, as programs before this one did.
func encodeVersion1(t *testing.T, c *Catalog) (head, records []byte) {
	t.Helper()
	places := map[string]File{}
	for _, f := range c.Files {
		places[f.Path] = f
	}
	old := func(i artifact.Item) map[string]any {
		f := i.Files[0]
		return map[string]any{"kind": i.Kind, "source": i.Source, "name": i.Name, "version": i.Version, "architecture": i.Architecture(),
			"channels": i.Attributes.Values("channel"), "security": i.Security, "requested": i.Requested, "size": f.Size, "sha256": f.SHA256, "path": f.Path,
			"urls": f.URLs, "metadata": i.Metadata, "layer": places[i.FileID(&f)].Layer, "offset": places[i.FileID(&f)].Offset}
	}
	w, err := newRecordsWriter()
	if err != nil {
		t.Fatal(err)
	}
	table := func(rows []row) (made table) {
		slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
		if made, err = w.table(slices.Values(rows)); err != nil {
			t.Fatal(err)
		}
		return made
	}
	var items, files, sources, sets []row
	carried := map[string]artifact.Item{}
	for _, i := range c.Items {
		items = append(items, row{itemKey(i.Kind, i.Name), old(i)})
		carried[i.ID()] = i
	}
	for _, a := range c.Aliases {
		items = append(items, row{itemKey(a.Kind, a.Name), a})
	}
	for _, f := range c.Files {
		if _, found := carried[f.Path]; !found {
			files = append(files, row{f.Path, f})
		}
	}
	for _, s := range c.Sources {
		sources = append(sources, row{s.Name, s})
	}
	var summaries []map[string]any
	for _, s := range c.Sets {
		size := int64(0)
		for _, id := range s.Items {
			member := old(carried[id])
			member["set"] = setKey(&s)
			delete(member, "urls")
			delete(member, "metadata")
			sets = append(sets, row{setKey(&s), member})
			size += carried[id].Files[0].Size
		}
		summaries = append(summaries, map[string]any{"name": s.Name, "architecture": s.Architecture, "requested": s.Requested, "artifacts": nil, "count": len(s.Items), "size": size})
	}
	text, err := json.Marshal(map[string]any{"version": 1, "name": c.Name, "date": c.Date, "lock": c.Lock, "sets": summaries,
		"tables": map[string]any{"sets": table(sets), "artifacts": table(items), "files": table(files), "sources": table(sources)}})
	if err != nil {
		t.Fatal(err)
	}
	return w.zstd.EncodeAll(text, nil), w.Bytes()
}

// What an image of the first version says is read as what one of today says: in full, in part, and by the set.
func TestVersion1(t *testing.T) {
	c := big(300)
	c.Items[3].Attributes = artifact.NewAttributes(map[string][]string{"architecture": {"amd64"}, "channel": {"bookworm/main", "bookworm-security/main"}})
	c.Items[4].Security, c.Items[4].Requested = true, true
	c.Items[5].Metadata = []string{"Depends: a (>= 1)", " \"folded\""}
	c.Aliases = []Alias{{c.Items[0].Kind, "zz-alias", []string{c.Items[0].Name}}}
	readers := map[string]*Reader{}
	for name, encode := range map[string]func() (head, records []byte, err error){
		"1":     func() (head, records []byte, err error) { head, records = encodeVersion1(t, c); return },
		"today": c.Encode,
	} {
		head, records, err := encode()
		if err != nil {
			t.Fatal(err)
		}
		if readers[name], err = NewReader(head, int64(len(records)), nil, func(_ context.Context, offset, size int64) ([]byte, error) {
			return records[offset:][:size], nil
		}); err != nil {
			t.Fatalf("version %s: %v", name, err)
		}
	}
	same := func(what string, read func(r *Reader) (any, error)) {
		t.Helper()
		old, err := read(readers["1"])
		if err != nil {
			t.Fatalf("%s of version 1: %v", what, err)
		}
		today, err := read(readers["today"])
		if err != nil {
			t.Fatalf("%s of today: %v", what, err)
		}
		if !reflect.DeepEqual(old, today) {
			t.Errorf("%s: version 1 says\n%+v\ntoday\n%+v", what, old, today)
		}
	}
	for _, brief := range []bool{true, false} {
		same("the catalog", func(r *Reader) (any, error) {
			catalog, _, err := r.Load(t.Context(), brief)
			return catalog, err
		})
	}
	same("a name", func(r *Reader) (any, error) {
		found, aliases, err := r.Find(t.Context(), c.Items[3].Kind, []string{c.Items[3].Name, "zz-alias"})
		return []any{found, aliases}, err
	})
	for _, s := range c.Sets {
		same("a set", func(r *Reader) (any, error) { return r.Set(t.Context(), s.Name, s.Architecture) })
	}
	same("each item", func(r *Reader) (any, error) {
		var all []artifact.Item
		err := r.EachItem(t.Context(), func(i *artifact.Item) error {
			all = append(all, *i)
			return nil
		})
		return all, err
	})
}
