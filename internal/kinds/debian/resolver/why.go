package resolver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Why finds the chains from the requests to the pins that name stands for. name is a request: a package, one of an
// architecture, a pattern.
func Why(s *Demand, pins artifact.Pins, name string) ([]artifact.Reason, error) {
	asked, err := ParseRequest(name)
	if err != nil {
		return nil, artifact.Usagef("%w", err)
	}
	asked.suite = "" // which suite a pin is from does not matter any more
	u, err := UniverseOf(pins)
	if err != nil {
		return nil, err
	}
	chains := make(map[EntryID][]string)
	for index := range u.Nodes {
		t := &tracing{Node: u.NewNode(index, &Options{Recommends: s.Recommends, Suggests: s.Suggests}), from: make(map[EntryID]trace)}
		t.trace(wishesOf(s.Packages, s.Sets), s.Whole)
		for id := range t.from {
			if chain := t.chain(id); chains[id] == nil || len(chain) < len(chains[id]) {
				chains[id] = chain
			}
		}
	}
	var reasons []artifact.Reason
	for _, id := range u.sortedIDs(u.meant(asked)) {
		chain := chains[id]
		if chain == nil {
			chain = []string{s.unreached()}
		}
		reasons = append(reasons, artifact.Reason{Artifact: u.pkg(id).String(), Chain: chain})
	}
	if len(reasons) == 0 {
		return nil, s.whyNot(u, asked)
	}
	return reasons, nil
}

// unreached says why the lock has something that no request leads to.
func (s *Demand) unreached() string {
	if s.Base.Essential || s.Base.Files != nil {
		return "the nodes have an older version that conflicts with something else (base)"
	}
	return "no request needs it: the next lock will omit it"
}

// whyNot says what is known of something that is not carried.
func (s *Demand) whyNot(u *Universe, asked Request) error {
	for _, r := range s.Exclude {
		if r.selector == "" && wildcard(r.Pattern, asked.Pattern) {
			return fmt.Errorf("%s is not carried: exclude: %s leaves it out (%s)", asked, r, r.Where)
		}
	}
	for _, f := range s.Base.Files {
		paragraphs, _, err := installedParagraphs(f.data)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if bytes.Contains(append([]byte("\n"), paragraphs...), []byte("\nPackage: "+asked.Pattern+"\n")) {
			return fmt.Errorf("%s is not carried: the nodes have it (%s)", asked, f.name)
		}
	}
	if id, known := u.nameIDs[asked.Pattern]; known && len(u.providers.Of(id)) > 0 {
		return fmt.Errorf("%s is a virtual package; what is carried of it: %s", asked, Enumerate(u.providerNames(id), "and"))
	}
	other := asked
	other.op, other.version, other.architecture = deb822.AnyVersion, "", ""
	if others := u.meant(other); asked.Pattern != "" && len(others) > 0 {
		var names []string
		for _, id := range u.sortedIDs(others) {
			names = append(names, u.pkg(id).String())
		}
		return fmt.Errorf("%s is not carried; what is: %s", asked, Enumerate(names, "and"))
	}
	text := "nothing that is requested needs it"
	if s.Base.Essential {
		text += ", or the nodes have it, for base is essential"
	}
	return fmt.Errorf("%s is not carried: %s", asked, text)
}

// A tracing goes from the requests to all that they need, breadth first.
type tracing struct {
	*Node
	from  map[EntryID]trace
	queue []EntryID
}

// A trace is how an entry was reached first.
type trace struct {
	by   EntryID // -1: a request
	text string
}

func (t *tracing) reach(id, by EntryID, text string) {
	if _, seen := t.from[id]; !seen {
		t.from[id] = trace{by, text}
		t.queue = append(t.queue, id)
	}
}

func (t *tracing) trace(wishes []wish, whole bool) {
	names := t.U.sortedNames()
	slices.SortStableFunc(wishes, func(a, b wish) int { return boolToInt(a.set != "") - boolToInt(b.set != "") })
	for _, w := range wishes {
		if w.architecture != "" && w.architecture != t.U.Architectures[t.Native] {
			continue
		}
		place := w.Where
		if w.set != "" {
			place = strings.TrimSuffix("set "+w.set+", "+place, ", ")
		}
		text := fmt.Sprintf("%s is requested", w.text)
		if place != "" {
			text += " (" + place + ")"
		}
		w.suite = ""
		for _, f := range t.U.match(t.Index, w.Request, names) {
			for _, id := range f.entries {
				t.reach(id, -1, text)
			}
		}
	}
	if whole {
		for _, name := range names {
			for _, id := range t.U.VersionsOn(t.Index, name) {
				t.reach(id, -1, "every source is carried whole (packages: all)")
			}
		}
	}
	// What is carried for its own sake comes first; then whatever else may need the rest.
	t.follow(true)
	for id := range t.U.Entries {
		if _, reached := t.from[EntryID(id)]; reached {
			t.queue = append(t.queue, EntryID(id))
		}
	}
	t.follow(false)
}

// follow goes on from what is reached. With plain it takes of each clause the first
// alternative only, unless it has another anyway.
func (t *tracing) follow(plain bool) {
	for len(t.queue) > 0 {
		id := t.queue[0]
		t.queue = t.queue[1:]
		c, l := t.U.Control(id), t.Link(id)
		for i, options := range l.Depends {
			word := "depends on"
			if i < l.pre {
				word = "pre-depends on"
			}
			t.reachOne(options, id, fmt.Sprintf("%s %s %s", t.Label(id), word, c.Depends[i]), plain)
		}
		for _, options := range l.welcome {
			if len(options) > 0 {
				t.reachOne(options, id, t.Label(id)+" recommends or suggests "+t.U.Names[t.U.Entries[options[0]].Name], plain)
			}
		}
	}
}

func (t *tracing) reachOne(options []EntryID, by EntryID, text string, plain bool) {
	for _, o := range options {
		if _, reached := t.from[o]; reached && plain {
			return
		}
	}
	for _, o := range options {
		t.reach(o, by, text)
		if plain {
			return
		}
	}
}

func (t *tracing) chain(id EntryID) (chain []string) {
	for at, known := t.from[id]; known; at, known = t.from[at.by] {
		chain = append(chain, at.text)
		if at.by < 0 {
			break
		}
	}
	slices.Reverse(chain)
	return chain
}
