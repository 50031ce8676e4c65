package catalog

import (
	"context"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// readBack reads what a catalog writes.
func readBack(t *testing.T, c *Catalog) (*Catalog, *Reader, error) {
	t.Helper()
	head, records, err := c.Encode()
	if err != nil {
		return nil, nil, err
	}
	r, err := NewReader(head, int64(len(records)), nil, func(_ context.Context, offset, size int64) ([]byte, error) {
		return records[offset:][:size], nil
	})
	if err != nil {
		return nil, nil, err
	}
	read, _, err := r.Load(t.Context(), true)
	return read, r, err
}

// sharing has two items with a file each and one that both have.
func sharing() *Catalog {
	file := func(name, digit string) artifact.File {
		return artifact.File{Path: name, Size: 10, SHA256: strings.Repeat(digit, 64)}
	}
	c := &Catalog{Name: "n", Lock: "sha256:" + strings.Repeat("0", 64), Sources: []artifact.Source{{Kind: "k", Name: "s"}},
		Items: []artifact.Item{
			{Kind: "k", Source: "s", Name: "app", Version: "1", Key: "app:1", Files: []artifact.File{file("one", "1"), file("base", "b")}},
			{Kind: "k", Source: "s", Name: "app", Version: "2", Key: "app:2", Files: []artifact.File{file("two", "2"), file("base", "b")}},
		},
		Sets: []artifact.Set{{Name: "both", Architecture: "any", Items: []string{"s/app:1", "s/app:2"}}},
	}
	for i, f := range []artifact.File{file("base", "b"), file("one", "1"), file("two", "2")} {
		c.Files = append(c.Files, File{Path: "s/" + f.Path, Layer: 1, Offset: int64(i) * 1024, Size: f.Size, SHA256: f.SHA256})
	}
	return c
}

func TestItemsShareFiles(t *testing.T) {
	c, r, err := readBack(t, sharing())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Items) != 2 || len(c.Files) != 3 || c.Items[1].ID() != "s/app:2" || len(c.Items[1].Files) != 2 {
		t.Errorf("%+v", c)
	}
	if r.Sets[0].Count != 2 || r.Sets[0].Size != 30 {
		t.Errorf("a shared file counts more than once: %+v", r.Sets[0])
	}
	set, err := r.Set(t.Context(), "both", "any")
	if err != nil || len(set) != 2 || set[0].Stored()[1] != set[1].Stored()[1] || set[0].Stored()[1].Offset != 0 {
		t.Errorf("%+v, %v", set, err)
	}
	for lie, c := range map[string]func(*Catalog){
		"two items are the same": func(c *Catalog) { c.Items[1].Key, c.Items[1].Name, c.Sets = c.Items[0].Key, "other", nil },
		"it has no files":        func(c *Catalog) { c.Items[1].Files = nil },
		"is repeated":            func(c *Catalog) { c.Items[1].Files[1] = c.Items[1].Files[0] },
		"invalid key":            func(c *Catalog) { c.Items[1].Key, c.Sets = "../x", nil },
		"has no value":           func(c *Catalog) { c.Items[1].Attributes = artifact.Attributes{{Name: "b"}} },
		"not among the files":    func(c *Catalog) { c.Items[1].Files[1].Path = "elsewhere" },
	} {
		lying := sharing()
		c(lying)
		if _, _, err := readBack(t, lying); err == nil || !strings.Contains(err.Error(), lie) {
			t.Errorf("%s: %v", lie, err)
		}
	}
}
