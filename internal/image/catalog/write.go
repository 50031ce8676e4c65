package catalog

import (
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// FormatVersion is the Head.Version that this program writes. It reads all versions up to it.
const FormatVersion = 3

// A Head is the beginning of a catalog: what the image is, and where the rest is.
type Head struct {
	Version int       `json:"version"` // FormatVersion
	Name    string    `json:"name"`    // as in Catalog
	Date    time.Time `json:"date"`
	Lock    string    `json:"lock"`
	// Architecture is as in Catalog.
	Architecture string `json:"architecture,omitempty"`

	Sets   []SetSummary `json:"sets"`
	Unused int64        `json:"unused,omitempty"` // bytes of the unused files
	Layers []LayerAbout `json:"layers,omitempty"` // as in Catalog
	Tables tables       `json:"tables"`
}

// tables are what the records hold.
type tables struct {
	Sets    table `json:"sets"`            // setMember; key SET/ARCHITECTURE
	Items   table `json:"items"`           // itemRow, or Alias; key KIND/NAME
	Files   table `json:"files"`           // File, those of no item; key: the path
	Sources table `json:"sources"`         // artifact.Source; key: the name
	Unused  table `json:"unused,omitzero"` // File; key: the path

	Version1 table `json:"artifacts,omitzero"` // what Items was called in the first version
}

// A setMember is an item of a set, without URLs and Metadata. The rows of a set are in
// the order of the set.
type setMember struct {
	Set string `json:"set"`
	itemRow
}

// setKey is the key of a set's rows.
func setKey(s *artifact.Set) string { return s.Name + "/" + s.Nodes() }

// itemKey is the key of an item's or an alias's row.
func itemKey(kind, name string) string { return kind + "/" + name }

// NewLayer lays out an image's last layer. label is the value of CatalogLabel in the image's
// configuration. It writes c unchecked: a reader checks it.
func NewLayer(c *Catalog) (layer *tarlayer.Layer, label string, err error) {
	head, records, err := c.Encode()
	if err != nil {
		return nil, "", err
	}
	headPath, recordsPath := path.Join(layout.Root, layout.HeadName), path.Join(layout.Root, layout.RecordsName)
	layer, err = tarlayer.New([]tarlayer.Entry{{Path: headPath, Data: head}, {Path: recordsPath, Data: records}})
	if err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(Location{
		SHA256:  strings.TrimPrefix(DigestOf(head), "sha256:"),
		Head:    LayerPlace{layer.Offset(headPath), int64(len(head))},
		Records: LayerPlace{layer.Offset(recordsPath), int64(len(records))},
	})
	return layer, string(text), err
}

// Encode returns the contents of the files HeadName and RecordsName. Each file of an item must be among
// the files.
func (c *Catalog) Encode() (head, records []byte, err error) {
	places := make(map[string]*File, len(c.Files))
	for i := range c.Files {
		places[c.Files[i].Path] = &c.Files[i]
	}
	byID, ofItems := make(map[string]*Record, len(c.Items)), make(map[string]bool, len(c.Items))
	all := make([]*Record, len(c.Items))
	for i := range c.Items {
		r := &Record{Item: c.Items[i]}
		for f := range r.Files {
			id := r.FileID(&r.Files[f])
			stored := places[id]
			if stored == nil {
				return nil, nil, Errorf("item %q: %q is not among the files", r.ID(), id)
			}
			r.Places = append(r.Places, Place{stored.Layer, stored.Offset})
			ofItems[id] = true
		}
		all[i], byID[r.ID()] = r, r
	}
	h := Head{Version: FormatVersion, Name: c.Name, Date: c.Date, Lock: c.Lock, Architecture: c.Architecture, Layers: c.Layers}
	for i := range c.Unused {
		h.Unused += c.Unused[i].Size
	}
	for _, set := range c.Sets {
		members := make([]Record, 0, len(set.Items))
		for _, id := range set.Items {
			if byID[id] == nil {
				return nil, nil, Errorf("set %q: no item %q", set.Name, id)
			}
			members = append(members, *byID[id])
		}
		summary := SetSummary{Set: set, Count: len(members), Size: sizeOf(members)}
		summary.Items = nil
		h.Sets = append(h.Sets, summary)
	}
	w, err := newRecordsWriter()
	if err != nil {
		return nil, nil, err
	}
	for _, t := range []struct {
		*table
		rows iter.Seq[row]
	}{
		{&h.Tables.Sets, c.setRows(byID)},
		{&h.Tables.Items, itemRows(all, c.Aliases)},
		{&h.Tables.Files, c.fileRows(ofItems)},
		{&h.Tables.Sources, c.sourceRows()},
		{&h.Tables.Unused, c.unusedRows()},
	} {
		if *t.table, err = w.table(t.rows); err != nil {
			return nil, nil, fmt.Errorf("catalog: %w", err)
		}
	}
	text, err := json.Marshal(h)
	return w.zstd.EncodeAll(text, nil), w.Bytes(), err
}

func (c *Catalog) setRows(byID map[string]*Record) iter.Seq[row] {
	sets := slices.Clone(c.Sets)
	slices.SortStableFunc(sets, func(a, b artifact.Set) int {
		return strings.Compare(setKey(&a), setKey(&b))
	})
	return func(yield func(row) bool) {
		for _, set := range sets {
			key := setKey(&set)
			for _, id := range set.Items {
				if !yield(row{key, &setMember{key, *rowOf(byID[id]).brief()}}) {
					return
				}
			}
		}
	}
}

// itemRows sorts items by key and aliases among them.
func itemRows(all []*Record, aliases []Alias) iter.Seq[row] {
	rows := make([]row, 0, len(all)+len(aliases))
	for i := range aliases {
		rows = append(rows, row{itemKey(aliases[i].Kind, aliases[i].Name), &aliases[i]})
	}
	for _, r := range all {
		rows = append(rows, row{itemKey(r.Kind, r.Name), r})
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		order := strings.Compare(a.key, b.key)
		x, isRecord := a.value.(*Record)
		y, isRecordToo := b.value.(*Record)
		if order == 0 && isRecord && isRecordToo {
			return artifact.Compare(&x.Item, &y.Item)
		}
		return order
	})
	return func(yield func(row) bool) {
		for _, r := range rows {
			if record, ok := r.value.(*Record); ok {
				r.value = rowOf(record)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// fileRows are the files that belong to no item.
func (c *Catalog) fileRows(ofItems map[string]bool) iter.Seq[row] {
	return func(yield func(row) bool) {
		for i := range c.Files {
			if f := &c.Files[i]; !ofItems[f.Path] && !yield(row{f.Path, f}) {
				return
			}
		}
	}
}

func (c *Catalog) unusedRows() iter.Seq[row] {
	return func(yield func(row) bool) {
		for i := range c.Unused {
			if f := &c.Unused[i]; !yield(row{f.Path, f}) {
				return
			}
		}
	}
}

func (c *Catalog) sourceRows() iter.Seq[row] {
	return func(yield func(row) bool) {
		for i := range c.Sources {
			if !yield(row{c.Sources[i].Name, &c.Sources[i]}) {
				return
			}
		}
	}
}

// LocalNames are the names of the head's image.
func (h *Head) LocalNames() (pinned, latest string) { return layout.LocalNames(h.Name, h.Date, h.Lock) }
