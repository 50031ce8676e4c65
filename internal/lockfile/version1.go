package lockfile

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// version1 is a lock in the first format, in which an item was a single file.
type version1 struct {
	Format     int               `json:"format"`
	Name       string            `json:"name"`
	Definition string            `json:"definition"`
	Date       time.Time         `json:"date"`
	Sources    []artifact.Source `json:"sources"`
	Sets       []struct {
		Name         string   `json:"name"`
		Architecture string   `json:"architecture"`
		Requested    []string `json:"requested"`
		Artifacts    []string `json:"artifacts"`
	} `json:"sets"`
	Artifacts []struct {
		Kind         string   `json:"kind"`
		Source       string   `json:"source"`
		Name         string   `json:"name"`
		Version      string   `json:"version"`
		Architecture string   `json:"architecture"`
		Channels     []string `json:"channels"`
		Security     bool     `json:"security"`
		Requested    bool     `json:"requested"`
		Size         int64    `json:"size"`
		SHA256       string   `json:"sha256"`
		Path         string   `json:"path"`
		URLs         []string `json:"urls"`
		Metadata     []string `json:"metadata"`
	} `json:"artifacts"`
}

// lock converts it to the current format.
func (v *version1) lock() *Lock {
	l := &Lock{Format: Format, Name: v.Name, Definition: v.Definition, Date: v.Date, Sources: v.Sources, Sets: []artifact.Set{}, Items: []artifact.Item{}}
	for _, s := range v.Sets {
		l.Sets = append(l.Sets, artifact.Set{Name: s.Name, Architecture: s.Architecture, Requested: s.Requested, Items: s.Artifacts})
	}
	for _, a := range v.Artifacts {
		values := map[string][]string{"channel": a.Channels}
		if a.Architecture != "" {
			values["architecture"] = []string{a.Architecture}
		}
		l.Items = append(l.Items, artifact.Item{
			Kind: a.Kind, Source: a.Source, Name: a.Name, Version: a.Version, Attributes: artifact.NewAttributes(values),
			Security: a.Security, Requested: a.Requested, Metadata: a.Metadata,
			Files: []artifact.File{{Path: a.Path, Size: a.Size, SHA256: a.SHA256, URLs: a.URLs}},
		})
	}
	return l
}
