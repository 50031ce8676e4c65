package catalog

import (
	"encoding/json"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An itemRow is a row of the table of items: a Record, or an Alias.
type itemRow struct {
	Kind       string              `json:"kind"`
	Source     string              `json:"source"`
	Name       string              `json:"name"`
	Version    string              `json:"version"`
	Attributes artifact.Attributes `json:"attributes,omitempty"`
	Security   bool                `json:"security,omitempty"`
	Requested  bool                `json:"requested,omitempty"`
	Key        string              `json:"key,omitempty"`
	Files      []fileRow           `json:"files,omitempty"`
	Metadata   []string            `json:"metadata,omitempty"`
	Of         []string            `json:"alias_of,omitempty"` // of an Alias; its other fields are empty, but for the first and the third

	version1
	attributes string // as in the row, not parsed yet
}

// A fileRow is a file of an item and its place.
type fileRow struct {
	Path   string   `json:"path"`
	Size   int64    `json:"size"`
	SHA256 string   `json:"sha256"`
	URLs   []string `json:"urls,omitempty"`
	Layer  int      `json:"layer"`
	Offset int64    `json:"offset"`
}

// version1 has the extra fields of rows in the first version of the format, in which an item was a single file.
type version1 struct {
	Architecture string   `json:"architecture,omitempty"`
	Channels     []string `json:"channels,omitempty"`
	Size         int64    `json:"size,omitempty"`
	SHA256       string   `json:"sha256,omitempty"`
	Path         string   `json:"path,omitempty"`
	URLs         []string `json:"urls,omitempty"`
	Layer        int      `json:"layer,omitempty"`
	Offset       int64    `json:"offset,omitempty"`
}

// A briefRow is an itemRow without URLs and Metadata.
type briefRow struct{ itemRow }

// UnmarshalJSON implements json.Unmarshaler.
func (b *briefRow) UnmarshalJSON(line []byte) error {
	if err := json.Unmarshal(line, &b.itemRow); err != nil {
		return err
	}
	b.Metadata, b.URLs = nil, nil
	for i := range b.Files {
		b.Files[i].URLs = nil
	}
	return nil
}

// rowOf is the row of a record.
func rowOf(r *Record) *itemRow {
	row := &itemRow{Kind: r.Kind, Source: r.Source, Name: r.Name, Version: r.Version, Attributes: r.Attributes,
		Security: r.Security, Requested: r.Requested, Key: r.Key, Metadata: r.Metadata, Files: make([]fileRow, len(r.Files))}
	for i := range r.Files {
		f := &r.Files[i]
		row.Files[i] = fileRow{f.Path, f.Size, f.SHA256, f.URLs, r.Places[i].Layer, r.Places[i].Offset}
	}
	return row
}

// brief drops the fields that are omitted where a set lists its items.
func (r *itemRow) brief() *itemRow {
	r.Metadata = nil
	for i := range r.Files {
		r.Files[i].URLs = nil
	}
	return r
}

// A rowReader turns rows into records. It parses and keeps common attributes once.
type rowReader struct {
	known map[string]artifact.Attributes
}

// record converts a row without checking it.
func (x *rowReader) record(row *itemRow) (r Record, err error) {
	r.Item = artifact.Item{Kind: row.Kind, Source: row.Source, Name: row.Name, Version: row.Version, Attributes: row.Attributes,
		Security: row.Security, Requested: row.Requested, Key: row.Key, Metadata: row.Metadata}
	if row.Files == nil && row.Path != "" {
		old := &row.version1
		r.Files = []artifact.File{{Path: old.Path, Size: old.Size, SHA256: old.SHA256, URLs: old.URLs}}
		r.Places = []Place{{old.Layer, old.Offset}}
		r.Attributes = x.version1(old)
		return r, nil
	}
	r.Files, r.Places = make([]artifact.File, len(row.Files)), make([]Place, len(row.Files))
	for i := range row.Files {
		f := &row.Files[i]
		r.Files[i] = artifact.File{Path: f.Path, Size: f.Size, SHA256: f.SHA256, URLs: f.URLs}
		r.Places[i] = Place{f.Layer, f.Offset}
	}
	if row.attributes != "" {
		r.Attributes, err = x.attributes(row.attributes)
	}
	return r, err
}

func (x *rowReader) attributes(text string) (artifact.Attributes, error) {
	if known, found := x.known[text]; found {
		return known, nil
	}
	own := []byte(text)
	var read artifact.Attributes
	if err := json.Unmarshal(own, &read); err != nil {
		return nil, Errorf("attributes %q: %w", text, err)
	}
	x.keep(string(own), read)
	return read, nil
}

func (x *rowReader) version1(old *version1) artifact.Attributes {
	values := map[string][]string{"channel": old.Channels}
	if old.Architecture != "" {
		values["architecture"] = []string{old.Architecture}
	}
	read := artifact.NewAttributes(values)
	text := read.String()
	if known, found := x.known[text]; found {
		return known
	}
	for i := range read {
		for j := range read[i].Values {
			read[i].Values[j] = string([]byte(read[i].Values[j])) // a copy, so that the block can be freed
		}
	}
	x.keep(text, read)
	return read
}

func (x *rowReader) keep(text string, attributes artifact.Attributes) {
	if x.known == nil {
		x.known = map[string]artifact.Attributes{}
	}
	if len(x.known) < maxKnown {
		x.known[text] = attributes
	}
}

// maxKnown bounds what a rowReader keeps: an image may give each item attributes of its own.
const maxKnown = 1 << 14
