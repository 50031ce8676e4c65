package pypi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// tableName is a file below each source, which build makes for the server: it has what pages say of items beyond their files.
const tableName = "pypi.json"

// A table has the rows of a source's items.
type table struct {
	Items []row `json:"items"` // sorted by Key
}

// A row is what a page says of a distribution.
type row struct {
	Key            string `json:"key"` // path of the distribution
	RequiresPython string `json:"requires_python,omitempty"`
	Yanked         bool   `json:"yanked,omitempty"`
	YankedReason   string `json:"yanked_reason,omitempty"`
	Uploaded       string `json:"uploaded,omitempty"` // RFC 3339
}

// Publish implements artifact.Kind: for each source a table, which the server reads when it starts.
func (Kind) Publish(pins artifact.Pins, _ artifact.Signer) (files []artifact.Generated, err error) {
	for i := range pins.Sources {
		source := &pins.Sources[i]
		all := table{Items: []row{}}
		for at := range pins.Items {
			item := &pins.Items[at]
			if item.Source != source.Name {
				continue
			}
			if err := checkItem(item); err != nil {
				return nil, fmt.Errorf("pypi: %s: %w", item.ID(), err)
			}
			all.Items = append(all.Items, row{
				Key: item.Files[0].Path, RequiresPython: value(item.Metadata, keyRequiresPython), Yanked: value(item.Metadata, keyYanked) != "",
				YankedReason: value(item.Metadata, keyYankedReason), Uploaded: value(item.Metadata, keyUploaded)})
		}
		slices.SortFunc(all.Items, func(a, b row) int { return strings.Compare(a.Key, b.Key) })
		data, err := json.Marshal(all)
		if err != nil {
			return nil, fmt.Errorf("pypi: source %s: %w", source.Name, err)
		}
		files = append(files, artifact.Generated{Path: source.Name + "/" + tableName, Data: append(data, '\n'), Modified: pins.Date})
	}
	return files, nil
}

// checkItem wants the files of an item to be where clients look for them.
func checkItem(item *artifact.Item) error {
	for f := range item.Files {
		file := distribution(item.Files[f].Path)
		if file != item.Files[0].Path || file != filePath(item.Name, fileName(item)) {
			return fmt.Errorf("%q is not the path of a file of %s", item.Files[f].Path, item.Name)
		}
	}
	return nil
}
