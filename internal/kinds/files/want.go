package files

import (
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Want implements artifact.Wanter: a file below a source of the definition may be one that the source has and take leaves out. Of any other, only
// the user knows where upstream has it, and what its digest is.
func (Kind) Want(parsed artifact.Spec, asked []artifact.Asked) (w artifact.Wanted) {
	s, _ := parsed.(*spec)
	lines := make(map[string]int) // indexes, by list and entry
	for i := range asked {
		line, why := s.want(&asked[i])
		if why != "" {
			w.Unknown = append(w.Unknown, artifact.WantedUnknown{Asked: i, Why: why})
			continue
		}
		key := strings.Join(append(line.Under, line.Entry), "\x00")
		at, found := lines[key]
		if !found {
			at = len(w.Lines)
			lines[key] = at
			w.Lines = append(w.Lines, line)
		}
		w.Lines[at].Asked = append(w.Lines[at].Asked, i)
	}
	return w
}

// want is the line for what was asked for.
func (s *spec) want(a *artifact.Asked) (line artifact.WantedLine, why string) {
	below, found := strings.CutPrefix(a.Path, prefix)
	name, file, deeper := strings.Cut(below, "/")
	if !found || !deeper || !artifact.ValidName(name) || !carriable(file) {
		return line, "clients searched for the name: it does not say where upstream has the file"
	}
	var of *source
	if s != nil {
		if at := slices.IndexFunc(s.sources, func(o source) bool { return o.name == name }); at >= 0 {
			of = &s.sources[at]
		}
	}
	if of == nil {
		return line, "there is no source " + name + ": only you know where upstream has the file"
	}
	at := "- name: " + strictyaml.Quote(name)
	switch of.way {
	case fromURL:
		return line, "the source " + name + " is another file: give this one a source of its own, with its address and digest"
	case fromHelm:
		chart, version := chartOf(path.Base(file))
		if chart == "" {
			return line, "it is not a chart"
		}
		return artifact.WantedLine{Under: []string{Kind{}.Name(), at, "charts"}, Entry: strictyaml.Quote(chart + "@" + version)}, ""
	}
	if len(of.take) == 0 || slices.ContainsFunc(of.take, func(p pattern) bool { return p.Match(file) }) {
		if of.way == fromPath {
			return line, "the definition carries the folder " + of.address + ": put the file there"
		}
		return line, "the definition requests it already: upstream does not have it, or the image is older than the request"
	}
	return artifact.WantedLine{Under: []string{Kind{}.Name(), at, "take"}, Entry: strictyaml.Quote(file)}, ""
}

// chartOf divides the name of a chart's archive, NAME-VERSION.tgz. The version is the longest rest that begins with a digit.
func chartOf(file string) (name, version string) {
	stem, is := strings.CutSuffix(file, ".tgz")
	if !is {
		return "", ""
	}
	for i := 1; i+1 < len(stem); i++ {
		rest := strings.TrimPrefix(stem[i+1:], "v")
		if stem[i] == '-' && rest != "" && rest[0] >= '0' && rest[0] <= '9' && strings.Contains(rest, ".") {
			return stem[:i], stem[i+1:]
		}
	}
	return "", ""
}
