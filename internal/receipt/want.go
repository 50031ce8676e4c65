package receipt

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Proposals are lines for a definition.
type Proposals struct {
	Receipt string    `json:"receipt"` // ID
	Name    string    `json:"name"`
	Asked   int       `json:"asked"`   // that the receipt lists
	Unsaid  int       `json:"unsaid"`  // others, which it only counts
	Carried int       `json:"carried"` // of Asked, those that the lock has by now
	Lines   []Line    `json:"lines"`   // of one kind after the other, and of each the most wanted first
	Unknown []Unknown `json:"unknown"` // the most wanted first
}

// A Line is one proposal.
type Line struct {
	Kind     string   `json:"kind"`
	Under    []string `json:"under"` // as artifact.WantedLine has it
	Entry    string   `json:"entry"`
	Note     string   `json:"note,omitempty"`
	Asked    []string `json:"asked"` // what it answers
	Requests int64    `json:"requests"`
	Clients  int      `json:"clients"` // of what most clients asked for: there may be more
}

// An Unknown is what was asked for and no line can be proposed for.
type Unknown struct {
	Kind     string `json:"kind,omitempty"`
	Asked    string `json:"asked"`
	Why      string `json:"why"`
	Requests int64  `json:"requests"`
	Clients  int    `json:"clients"`
}

// Want proposes lines for what was asked for and not carried. spec is the part of the definition that belongs to a kind; items are those of its lock,
// and may be none.
func (s *Signed) Want(kinds []artifact.Kind, spec func(artifact.Kind) (artifact.Spec, error), items []artifact.Item) (*Proposals, error) {
	p := &Proposals{Receipt: s.ID, Name: s.Receipt.Name, Lines: []Line{}, Unknown: []Unknown{}}
	if s.Receipt.Asked == nil {
		return nil, artifact.Hint(fmt.Errorf("the receipt of %s does not say what was asked for", oneLine(s.Receipt.Name)), "make it with minimirror receipt --audit FILE")
	}
	p.Asked, p.Unsaid = len(s.Receipt.Asked.Items), s.Receipt.Asked.Total-len(s.Receipt.Asked.Items)
	has := carriedNames(items)
	of := make(map[string][]artifact.Asked)
	for _, a := range s.Receipt.Asked.Items {
		if has[strings.TrimPrefix(a.Path, "/")] || a.Name != "" && has[nameKey(a.Kind, a.Name, a.Version, a.Architecture)] {
			p.Carried++
			continue
		}
		of[a.Kind] = append(of[a.Kind], a.Asked)
	}
	for _, kind := range kinds {
		asked := of[kind.Name()]
		delete(of, kind.Name())
		if len(asked) == 0 {
			continue
		}
		wanter, err := artifact.Need[artifact.Wanter](kind, "be proposed for a definition")
		if err != nil {
			p.unknown(kind.Name(), asked, err.Error())
			continue
		}
		parsed, err := spec(kind)
		if err != nil {
			return nil, err
		}
		p.add(kind.Name(), asked, wanter.Want(parsed, asked))
	}
	for kind, asked := range of { // a path or a name tells of no kind
		why := "nothing tells of which kind it is"
		if kind != "" {
			why = "this program has no such kind"
		}
		p.unknown(kind, asked, why)
	}
	slices.SortStableFunc(p.Unknown, func(a, b Unknown) int {
		if order := byCount(a.Requests, b.Requests, a.Clients, b.Clients); order != 0 {
			return order
		}
		return strings.Compare(a.Kind+" "+a.Asked, b.Kind+" "+b.Asked)
	})
	return p, nil
}

// byCount puts what more clients want first, then what is requested more often.
func byCount(requestsA, requestsB int64, clientsA, clientsB int) int {
	switch {
	case clientsA != clientsB:
		return clientsB - clientsA
	case requestsA > requestsB:
		return -1
	case requestsA < requestsB:
		return 1
	}
	return 0
}

// carriedNames are the IDs of items, and what requests for them are called.
func carriedNames(items []artifact.Item) map[string]bool {
	has := make(map[string]bool)
	for i := range items {
		item := &items[i]
		has[item.ID()] = true
		for _, name := range []string{item.Name, item.Source + "/" + item.Name} { // see artifact.Identifier
			for _, version := range []string{item.Version, ""} {
				for _, architecture := range []string{item.Architecture(), ""} {
					has[nameKey(item.Kind, name, version, architecture)] = true
				}
			}
		}
	}
	return has
}

func nameKey(kind, name, version, architecture string) string {
	return strings.Join([]string{kind, name, version, architecture}, "\x00")
}

func (p *Proposals) unknown(kind string, asked []artifact.Asked, why string) {
	for _, a := range asked {
		p.Unknown = append(p.Unknown, Unknown{kind, a.String(), why, a.Requests, a.Clients})
	}
}

func (p *Proposals) add(kind string, asked []artifact.Asked, wanted artifact.Wanted) {
	first := len(p.Lines)
	for _, w := range wanted.Lines {
		line := Line{Kind: kind, Under: w.Under, Entry: w.Entry, Note: w.Note}
		for _, i := range w.Asked {
			line.Asked = append(line.Asked, asked[i].String())
			line.Requests += asked[i].Requests
			line.Clients = max(line.Clients, asked[i].Clients)
		}
		p.Lines = append(p.Lines, line)
	}
	// Lists stay together, in the order of their most wanted entries.
	best := make(map[string]int)
	lines := p.Lines[first:]
	slices.SortStableFunc(lines, func(a, b Line) int { return byCount(a.Requests, b.Requests, a.Clients, b.Clients) })
	for i, l := range lines {
		if _, found := best[l.list()]; !found {
			best[l.list()] = i
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return best[a.list()] - best[b.list()] })
	for _, u := range wanted.Unknown {
		p.unknown(kind, asked[u.Asked:u.Asked+1], u.Why)
	}
}

func (l *Line) list() string { return strings.Join(l.Under, "\x00") }

// Text writes the lines as YAML. What else is to be said is comments.
func (p *Proposals) Text(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What clients of %s asked for and did not get: %d, lines for %d.", oneLine(p.Name), p.Asked, p.Asked-p.Carried-len(p.Unknown))
	if p.Carried > 0 {
		line("# The lock has %d of them by now.", p.Carried)
	}
	if p.Unsaid > 0 {
		line("# The receipt only counts %d others.", p.Unsaid)
	}
	if len(p.Lines) > 0 {
		line("# Whether upstream has it shows when you run minimirror lock.")
	}
	var under []string
	for _, l := range p.Lines {
		same := 0
		for same < len(under) && same < len(l.Under) && under[same] == l.Under[same] {
			same++
		}
		depth := 0
		for i, key := range l.Under {
			if i >= same {
				if strings.HasPrefix(key, "- ") {
					line("%s%s", indent(depth), key)
				} else {
					line("%s%s:", indent(depth), key)
				}
			}
			depth++
		}
		under = l.Under
		note := counts(l.Requests, l.Clients) + ": " + strings.Join(l.Asked, ", ")
		if l.Note != "" {
			note += "; " + l.Note
		}
		line("%s- %s  # %s", indent(depth), l.Entry, oneLine(note))
	}
	if len(p.Unknown) > 0 {
		line("# No line can be proposed for:")
	}
	for _, u := range p.Unknown {
		kind := ""
		if u.Kind != "" {
			kind = oneLine(u.Kind) + ": "
		}
		line("#   %s%s (%s): %s", kind, oneLine(u.Asked), counts(u.Requests, u.Clients), oneLine(u.Why))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

func counts(requests int64, clients int) string {
	return plural(int(requests), "request") + ", " + plural(clients, "client")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
