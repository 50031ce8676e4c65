package inspect

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/signing"
)

// A Summary tells what an image or a lock is, and how much it holds.
type Summary struct {
	Type      string   `json:"type"` // image or lock
	Reference string   `json:"reference"`
	Name      string   `json:"name"`             // of the definition
	Digest    string   `json:"digest,omitempty"` // of the image
	Index     string   `json:"index,omitempty"`  // digest of the index of images for several platforms
	Platform  string   `json:"platform,omitempty"`
	Platforms []string `json:"platforms,omitempty"` // of all images of the index
	// Architecture, in Go's words, is set if the image carries only the items for it, and those for all.
	Architecture string            `json:"architecture,omitempty"`
	Lock         string            `json:"lock"` // digest of the lock
	Definition   string            `json:"definition,omitempty"`
	Date         time.Time         `json:"date"` // of the lock
	Keys         []signing.Info    `json:"signing_keys,omitempty"`
	Count        Count             `json:"count"`
	Size         int64             `json:"size"` // of the items' files, each once, bytes
	Sources      []Source          `json:"sources"`
	Sets         []Set             `json:"sets"`
	Layers       []image.LayerInfo `json:"layers,omitempty"`
	Unused       *Unused           `json:"unused,omitempty"`

	noKey error
}

// Unused is what layers have because an earlier image, which had these layers, too, offered it.
type Unused struct {
	Files int64 `json:"files"`
	Size  int64 `json:"size"` // bytes
}

// A Count is how many items and files there are.
type Count struct {
	Items     int `json:"items"`
	Requested int `json:"requested"` // of the items
	Security  int `json:"security"`  // of the items: security updates
	Files     int `json:"files"`     // of the items, each once
}

// A Source is an upstream, with how much of it is carried.
type Source struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	System   string    `json:"system,omitempty"` // that it is for, where the definition has several
	URLs     []string  `json:"urls"`
	Upstream string    `json:"upstream"` // what upstream signed: carry, serve or omit
	Items    int       `json:"items"`
	Size     int64     `json:"size"`
	Releases []Release `json:"releases"`
	// Attributes count the items by the values of their attributes, by the name of the attribute. An item may have several
	// values of one.
	Attributes map[string]map[string]int `json:"attributes"`
}

// A Release is a state of a source that upstream published.
type Release struct {
	Name     string    `json:"name"`
	Date     time.Time `json:"date"`
	Undated  bool      `json:"undated,omitempty"` // Date is the time of the signature
	URL      string    `json:"url"`
	SHA256   string    `json:"sha256"`
	SignedBy []string  `json:"signed_by"`
}

// A Set is what can be installed together on nodes of an architecture.
type Set struct {
	Name         string   `json:"name"`
	System       string   `json:"system,omitempty"`
	Architecture string   `json:"architecture"`
	Items        int      `json:"items"`
	Size         int64    `json:"size"`
	Requested    []string `json:"requested"` // names
}

// Summarize counts what there is.
func (s *Subject) Summarize() *Summary {
	c := s.Catalog
	sum := &Summary{Type: "lock", Reference: s.Reference, Name: c.Name, Digest: s.Digest, Index: s.Index, Platform: s.Platform, Platforms: s.Others, Architecture: c.Architecture, Lock: c.Lock, Definition: s.Definition,
		Date: c.Date, Keys: s.Keys, noKey: s.NoKey, Layers: s.Layers, Sources: make([]Source, len(c.Sources)), Sets: make([]Set, len(c.Sets))}
	if s.Unused.Files > 0 {
		sum.Unused = &s.Unused
	}
	if s.IsImage {
		sum.Type = "image"
	}
	places := make(map[string]int, len(c.Sources))
	for i := range c.Sources {
		sum.Sources[i] = newSource(&c.Sources[i])
		places[c.Sources[i].Name] = i
	}
	counted, byID := make(map[string]bool, len(c.Items)), make(map[string]*artifact.Item, len(c.Items))
	for i := range c.Items {
		item := &c.Items[i]
		byID[item.ID()] = item
		sum.Count.Items++
		if item.Requested {
			sum.Count.Requested++
		}
		if item.Security {
			sum.Count.Security++
		}
		size := uncounted(item, counted)
		sum.Count.Files, sum.Size = len(counted), sum.Size+size
		if at, found := places[item.Source]; found {
			sum.Sources[at].add(item, size)
		}
	}
	for i := range c.Sets {
		sum.Sets[i] = newSet(&c.Sets[i], byID)
	}
	return sum
}

// uncounted is the size of the item's files that have not been counted; now they have.
func uncounted(item *artifact.Item, counted map[string]bool) (size int64) {
	for f := range item.Files {
		if id := item.FileID(&item.Files[f]); !counted[id] {
			counted[id] = true
			size += item.Files[f].Size
		}
	}
	return size
}

func newSource(s *artifact.Source) Source {
	source := Source{Kind: s.Kind, Name: s.Name, System: s.System, URLs: orNone(s.URLs), Upstream: "omit", Releases: make([]Release, len(s.Releases)), Attributes: map[string]map[string]int{}}
	for i, r := range s.Releases {
		source.Releases[i] = Release{r.Name, r.Date, r.Undated, r.URL, r.SHA256, orNone(r.SignedBy)}
		if len(r.Proofs) > 0 {
			source.Upstream = "carry"
		}
	}
	if s.ServeUpstream {
		source.Upstream = "serve"
	}
	return source
}

func (s *Source) add(item *artifact.Item, size int64) {
	s.Items++
	s.Size += size
	for _, attribute := range item.Attributes {
		values := s.Attributes[attribute.Name]
		if values == nil {
			values = map[string]int{}
			s.Attributes[attribute.Name] = values
		}
		for _, value := range attribute.Values {
			values[value]++
		}
	}
}

func (s *Set) nodes() string {
	return (&artifact.Set{System: s.System, Architecture: s.Architecture}).Nodes()
}

func newSet(s *artifact.Set, byID map[string]*artifact.Item) Set {
	set := Set{Name: s.Name, System: s.System, Architecture: s.Architecture, Items: len(s.Items), Requested: []string{}}
	counted := map[string]bool{}
	for _, id := range s.Items {
		if item := byID[id]; item != nil {
			set.Size += uncounted(item, counted)
		}
	}
	for _, id := range s.Requested {
		if item := byID[id]; item != nil {
			set.Requested = append(set.Requested, item.Name)
		}
	}
	return set
}

// orNone makes an empty list of none, which JSON would call null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
