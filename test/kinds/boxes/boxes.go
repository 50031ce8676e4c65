// Package boxes is a made-up kind, which shows that a new one is a folder and a line: this folder, and the line in boxes_test.go
// that adds it to the program's kinds. Only the test has it.
//
// A box has a name, a version, colours and several parts, which are files; boxes share parts, as images of containers share layers.
// Nobody signs them, they have no date, their versions have no order, and they cannot be installed.
//
//	boxes:
//	  name: harbour                        # the prefix: /harbour/…
//	  from: http://boxes.example.org       # where a list.json is
//	  take: [crate, chest]
package boxes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Kind is the kind of boxes.
type Kind struct{}

var _ interface {
	artifact.Kind
	artifact.Identifier
	artifact.Ruler
} = Kind{}

type spec struct {
	Name string   `yaml:"name"`
	From string   `yaml:"from"`
	Take []string `yaml:"take"`
}

// A Box is an element of list.json.
type Box struct {
	Name, Version string
	Colours       []string
	Parts         []Part
}

// A Part is a file of a box, and of others.
type Part struct {
	Path, SHA256 string
	Size         int64
}

// Name implements artifact.Kind.
func (Kind) Name() string { return "boxes" }

// Parse implements artifact.Kind.
func (Kind) Parse(section artifact.Section, _ map[string]artifact.Section, _ string) (artifact.Spec, error) {
	s := new(spec)
	if err := section.Decode(s); err != nil {
		return nil, err
	}
	if !artifact.ValidName(s.Name) {
		return nil, section.Errorf("boxes: name %q", s.Name)
	}
	return s, nil
}

// Resolve implements artifact.Kind.
func (Kind) Resolve(ctx context.Context, req artifact.ResolveRequest) (*artifact.Resolution, error) {
	s := req.Spec.(*spec)
	data, _, err := artifact.Get(ctx, req.Upstream, artifact.Request{URLs: []string{s.From + "/list.json"}, Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	var offered []Box
	if err := json.Unmarshal(data, &offered); err != nil {
		return nil, fmt.Errorf("boxes: %s: %w", s.From, err)
	}
	r := &artifact.Resolution{Sources: []artifact.Source{{Kind: Kind{}.Name(), Name: s.Name, URLs: []string{s.From}}}}
	for _, name := range s.Take {
		at := slices.IndexFunc(offered, func(b Box) bool { return b.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("boxes: %s has no %s", s.From, name)
		}
		box := &offered[at]
		item := artifact.Item{Kind: Kind{}.Name(), Source: s.Name, Name: name, Version: box.Version, Requested: true, Key: "boxes/" + name,
			Attributes: artifact.NewAttributes(map[string][]string{"colour": box.Colours})}
		for _, part := range box.Parts {
			item.Files = append(item.Files, artifact.File{Path: part.Path, Size: part.Size, SHA256: part.SHA256, URLs: []string{s.From + "/" + part.Path}})
		}
		r.Items = append(r.Items, item)
	}
	return r, nil
}

// Publish implements artifact.Kind: what clients read beside the parts is made for each of them.
func (Kind) Publish(artifact.Pins, artifact.Signer) ([]artifact.Generated, error) { return nil, nil }

// Properties implements artifact.Ruler.
func (Kind) Properties() []string { return []string{"colour"} }

// PropertiesOf implements artifact.Ruler.
func (Kind) PropertiesOf(i *artifact.Item) [][]string {
	return [][]string{i.Attributes.Values("colour")}
}

// Identify implements artifact.Identifier: "/harbour/boxes/crate" is about a crate.
func (Kind) Identify(path, _ string) *artifact.Item {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) != 3 || parts[1] != "boxes" {
		return nil
	}
	return &artifact.Item{Kind: Kind{}.Name(), Source: parts[0], Name: parts[2]}
}

// Mount implements artifact.Kind: /harbour/boxes lists what the client may have, /harbour/boxes/NAME tells of one box, and all
// else is a part.
func (Kind) Mount(site artifact.Site) (routes []artifact.Route) {
	for _, source := range site.Mirror().Sources {
		routes = append(routes, artifact.Route{Path: "/" + source.Name + "/", Handler: &handler{site, source.Name}})
	}
	return routes
}

type handler struct {
	site   artifact.Site
	source string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w = marked{w}
	switch below := strings.TrimPrefix(r.URL.Path, "/"+h.source+"/"); {
	case below == "boxes":
		h.list(w, r)
	case strings.HasPrefix(below, "boxes/"):
		h.tell(w, r, strings.TrimPrefix(below, "boxes/"))
	default:
		h.site.ServeFile(w, r, h.source+"/"+below)
	}
}

// list names the boxes that the client may have.
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, item := range h.items() {
		if h.site.Decide(r, item).Allowed {
			names = append(names, item.Name)
		}
	}
	slices.Sort(names)
	answer(w, r, http.StatusOK, names)
}

// tell is about one box. What is denied has an error of this kind's own format.
func (h *handler) tell(w http.ResponseWriter, r *http.Request, name string) {
	items := h.items()
	at := slices.IndexFunc(items, func(i *artifact.Item) bool { return i.Name == name })
	if at < 0 {
		answer(w, r, http.StatusNotFound, map[string]string{"error": "no such box"})
		return
	}
	item := items[at]
	verdict := h.site.Decide(r, item)
	h.site.Ask(r, item, verdict)
	if !verdict.Allowed {
		answer(w, r, http.StatusForbidden, map[string]string{"error": cmp.Or(verdict.Reason, "denied")})
		return
	}
	box := Box{Name: item.Name, Version: item.Version, Colours: item.Attributes.Values("colour")}
	for _, f := range item.Files {
		box.Parts = append(box.Parts, Part{Path: f.Path, Size: f.Size, SHA256: f.SHA256})
	}
	answer(w, r, http.StatusOK, box)
}

func (h *handler) items() (items []*artifact.Item) {
	all := h.site.Mirror().Items
	for i := range all {
		if all[i].Source == h.source {
			items = append(items, &all[i])
		}
	}
	return items
}

func answer(w http.ResponseWriter, r *http.Request, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(v) // of texts and numbers it never fails
	}
}

// marked is a writer of the kind's own around the server's: it adds a header.
type marked struct{ http.ResponseWriter }

func (m marked) WriteHeader(code int) {
	m.Header().Set("Boxes", "yes")
	m.ResponseWriter.WriteHeader(code)
}
