package debian

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// why finds the chains from the requests to the pins that name stands for. name is a request: a package, one of an
// architecture, a pattern.
func why(s *demand, pins artifact.Pins, name string) ([]artifact.Reason, error) {
	asked, err := ParseRequest(name)
	if err != nil {
		return nil, artifact.Usagef("%w", err)
	}
	asked.suite = "" // which suite a pin is from does not matter any more
	u, err := universeOf(pins)
	if err != nil {
		return nil, err
	}
	chains := make(map[entryID][]string)
	for index := range u.nodes {
		t := &tracing{node: u.newNode(index, &Options{Recommends: s.recommends, Suggests: s.suggests}), from: make(map[entryID]trace)}
		t.trace(wishesOf(s.packages, s.sets), s.whole)
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
func (s *demand) unreached() string {
	if s.base.essential || s.base.files != nil {
		return "the nodes have an older version that conflicts with something else (base)"
	}
	return "no request needs it: the next lock will omit it"
}

// whyNot says what is known of something that is not carried.
func (s *demand) whyNot(u *Universe, asked Request) error {
	for _, r := range s.exclude {
		if r.selector == "" && wildcard(r.pattern, asked.pattern) {
			return fmt.Errorf("%s is not carried: exclude: %s leaves it out (%s)", asked, r, r.where)
		}
	}
	for _, f := range s.base.files {
		paragraphs, _ := installedParagraphs(f.data)
		if bytes.Contains(append([]byte("\n"), paragraphs...), []byte("\nPackage: "+asked.pattern+"\n")) {
			return fmt.Errorf("%s is not carried: the nodes have it (%s)", asked, f.name)
		}
	}
	if id, known := u.names[asked.pattern]; known && len(u.providers.of(id)) > 0 {
		return fmt.Errorf("%s is a virtual package; what is carried of it: %s", asked, list(u.providerNames(id), "and"))
	}
	other := asked
	other.op, other.version, other.architecture = anyVersion, "", ""
	if others := u.meant(other); asked.pattern != "" && len(others) > 0 {
		var names []string
		for _, id := range u.sortedIDs(others) {
			names = append(names, u.pkg(id).String())
		}
		return fmt.Errorf("%s is not carried; what is: %s", asked, list(names, "and"))
	}
	text := "nothing that is requested needs it"
	if s.base.essential {
		text += ", or the nodes have it, for base is essential"
	}
	return fmt.Errorf("%s is not carried: %s", asked, text)
}

// A tracing goes from the requests to all that they need, breadth first.
type tracing struct {
	*node
	from  map[entryID]trace
	queue []entryID
}

// A trace is how an entry was reached first.
type trace struct {
	by   entryID // -1: a request
	text string
}

func (t *tracing) reach(id, by entryID, text string) {
	if _, seen := t.from[id]; !seen {
		t.from[id] = trace{by, text}
		t.queue = append(t.queue, id)
	}
}

func (t *tracing) trace(wishes []wish, whole bool) {
	names := t.u.sortedNames()
	slices.SortStableFunc(wishes, func(a, b wish) int { return boolToInt(a.set != "") - boolToInt(b.set != "") })
	for _, w := range wishes {
		if w.architecture != "" && w.architecture != t.u.architectures[t.native] {
			continue
		}
		place := w.where
		if w.set != "" {
			place = strings.TrimSuffix("set "+w.set+", "+place, ", ")
		}
		text := fmt.Sprintf("%s is requested", w.text)
		if place != "" {
			text += " (" + place + ")"
		}
		w.suite = ""
		for _, f := range t.u.match(t.index, w.Request, names) {
			for _, id := range f.entries {
				t.reach(id, -1, text)
			}
		}
	}
	if whole {
		for _, name := range names {
			for _, id := range t.u.versionsOn(t.index, name) {
				t.reach(id, -1, "every source is carried whole (packages: all)")
			}
		}
	}
	// What is carried for its own sake comes first; then whatever else may need the rest.
	t.follow(true)
	for id := range t.u.entries {
		if _, reached := t.from[entryID(id)]; reached {
			t.queue = append(t.queue, entryID(id))
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
		c, l := t.u.control(id), t.link(id)
		for i, options := range l.depends {
			word := "depends on"
			if i < l.pre {
				word = "pre-depends on"
			}
			t.reachOne(options, id, fmt.Sprintf("%s %s %s", t.label(id), word, c.depends[i]), plain)
		}
		for _, options := range l.welcome {
			if len(options) > 0 {
				t.reachOne(options, id, t.label(id)+" recommends or suggests "+t.u.texts[t.u.entries[options[0]].name], plain)
			}
		}
	}
}

func (t *tracing) reachOne(options []entryID, by entryID, text string, plain bool) {
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

func (t *tracing) chain(id entryID) (chain []string) {
	for at, known := t.from[id]; known; at, known = t.from[at.by] {
		chain = append(chain, at.text)
		if at.by < 0 {
			break
		}
	}
	slices.Reverse(chain)
	return chain
}
