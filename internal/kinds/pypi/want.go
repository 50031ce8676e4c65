package pypi

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Want implements artifact.Wanter: a project is a requirement of the index that clients asked for it, or of the only one.
func (Kind) Want(parsed artifact.Spec, asked []artifact.Asked) (w artifact.Wanted) {
	s, _ := parsed.(*spec)
	lines := make(map[[2]string]int) // indexes, by source and entry
	for i := range asked {
		a := &asked[i]
		e, ok := parseEndpoint(a.Path)
		of := ""
		switch {
		case a.Name == "" || a.LookedUp:
			w.Unknown = append(w.Unknown, artifact.WantedUnknown{Asked: i, Why: "clients searched for the name: there may be no project that is called so"})
			continue
		case s != nil && ok && slices.ContainsFunc(s.sources, func(o source) bool { return o.name == e.source }):
			of = e.source
		case s != nil && len(s.sources) == 1:
			of = s.sources[0].name
		default:
			w.Unknown = append(w.Unknown, artifact.WantedUnknown{Asked: i, Why: "it does not say which index the project is to come from"})
			continue
		}
		entry := a.Name
		if a.Version != "" {
			entry += "==" + a.Version
		}
		key := [2]string{of, entry}
		at, found := lines[key]
		if !found {
			at = len(w.Lines)
			lines[key] = at
			w.Lines = append(w.Lines, artifact.WantedLine{Under: []string{Kind{}.Name(), "- name: " + strictyaml.Quote(of), "requirements"}, Entry: strictyaml.Quote(entry),
				Note: "Installers also look for projects that do not exist, or that another index has."})
		}
		w.Lines[at].Asked = append(w.Lines[at].Asked, i)
	}
	return w
}
