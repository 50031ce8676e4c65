package images

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A served has what the mirror serves of a registry. It never changes; which of it a client may have is decided for each request.
type served struct {
	source       string // its name
	manifests    map[string]*servedManifest
	repositories map[string]*servedRepository
	ordered      []*servedRepository // in the order of lists
}

// A servedManifest is a manifest, whatever repository it is asked of.
type servedManifest struct {
	file              string // artifact.Item.FileID
	digest, mediaType []string
}

// A servedRepository is a repository.
type servedRepository struct {
	name, full string // the latter with the source: "registry.example.org/acme/app"
	items      []*artifact.Item
	tags       []*servedTag                // in the order of lists
	byTag      map[string]*servedTag       // by name
	attached   map[string][]servedReferrer // by subject
	has        func(*artifact.Item) bool
}

// A servedTag is a tag. Clients that may have one of the items can read it.
type servedTag struct {
	name     string
	manifest *servedManifest
	items    []*artifact.Item
	has      func(*artifact.Item) bool
}

// A servedReferrer is the descriptor of an attached artifact. Clients that may have one of the items can read it.
type servedReferrer struct {
	descriptor   json.RawMessage
	artifactType string
	items        []*artifact.Item
}

// newServed reads the table of a source, which Publish made.
func newServed(source string, items []artifact.Item, open func(name string) (io.ReadSeekCloser, error)) (*served, error) {
	f, err := open(source + "/" + tableName)
	if err != nil {
		return nil, err
	}
	var all table
	err = json.NewDecoder(f).Decode(&all)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, fmt.Errorf("images: %s/%s: %w", source, tableName, err)
	}
	rows := make(map[string]*itemTable)
	for r := range all.Repositories {
		for i := range all.Repositories[r].Items {
			rows[all.Repositories[r].Items[i].Key] = &all.Repositories[r].Items[i]
		}
	}
	known := make(map[referrerKey]int)
	s := &served{source: source, manifests: make(map[string]*servedManifest), repositories: make(map[string]*servedRepository)}
	for i := range items {
		if items[i].Source != source {
			continue
		}
		row := rows[items[i].Key]
		if row == nil {
			return nil, fmt.Errorf("images: %s/%s does not have %s", source, tableName, items[i].Key)
		}
		s.add(&items[i], row, known)
	}
	for _, r := range s.repositories {
		slices.SortFunc(r.tags, func(a, b *servedTag) int { return compareNames(a.name, b.name) })
		s.ordered = append(s.ordered, r)
	}
	slices.SortFunc(s.ordered, func(a, b *servedRepository) int { return compareNames(a.full, b.full) })
	return s, nil
}

// A referrerKey identifies a descriptor in a repository's list of what is attached to a subject.
type referrerKey struct{ repository, subject, descriptor string }

// add adds an item. known are the places of referrers in their lists.
func (s *served) add(item *artifact.Item, row *itemTable, known map[referrerKey]int) {
	for digest, mediaType := range row.Types {
		if s.manifests[digest] == nil {
			s.manifests[digest] = &servedManifest{s.source + "/" + filePath(manifestFolder, digest), []string{digest}, []string{mediaType}}
		}
	}
	r := s.repositories[item.Name]
	if r == nil {
		name := item.Name
		r = &servedRepository{name: name, full: s.source + "/" + name, byTag: make(map[string]*servedTag), attached: make(map[string][]servedReferrer),
			has: func(i *artifact.Item) bool { return i.Name == name }}
		s.repositories[name] = r
	}
	r.items = append(r.items, item)
	if tag := tagOf(item); tag != "" {
		r.addTag(tag, s.manifests[digestOf(item)], item)
	}
	for _, tag := range slices.Sorted(maps.Keys(row.Tags)) {
		r.addTag(tag, s.manifests[row.Tags[tag]], item)
	}
	for _, a := range row.Referrers {
		r.attach(a, item, known)
	}
}

func (r *servedRepository) addTag(name string, m *servedManifest, item *artifact.Item) {
	t := r.byTag[name]
	if t == nil {
		t = &servedTag{name: name, manifest: m}
		t.has = func(i *artifact.Item) bool {
			return slices.ContainsFunc(t.items, func(o *artifact.Item) bool { return o.Key == i.Key })
		}
		r.byTag[name] = t
		r.tags = append(r.tags, t)
	}
	if t.manifest == m {
		t.items = append(t.items, item)
	}
}

func (r *servedRepository) attach(a attachedManifest, item *artifact.Item, known map[referrerKey]int) {
	text, err := json.Marshal(a.Descriptor)
	if err != nil { // it was read from JSON
		return
	}
	list, key := r.attached[a.Subject], referrerKey{r.name, a.Subject, string(text)}
	at, found := known[key]
	if !found {
		known[key] = len(list)
		r.attached[a.Subject] = append(list, servedReferrer{text, a.Descriptor.ArtifactType, []*artifact.Item{item}})
		return
	}
	list[at].items = append(list[at].items, item)
}

// compareNames is the order of lists, which ignores case: OCI distribution specification 1.1, "Listing Tags".
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}
