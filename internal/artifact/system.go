package artifact

import (
	"slices"
	"strings"
)

// A System is a system of nodes that an image has a section for.
type System struct {
	Name string // of the section; as Source.System and Set.System
	// Words are what os-release(5) of its nodes may say, beside Name: codenames.
	Words []string
}

// A SystemNamer says for which systems its sources are.
type SystemNamer interface {
	// Systems lists each Source.System once, in the order of the sources, without the empty one.
	Systems(sources []Source) []System
}

// Systems are the names in Source.System, each once, in the order of the sources, without the empty one.
func Systems(sources []Source) (names []string) {
	for i := range sources {
		if name := sources[i].System; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ForSystem is the part of the pins that nodes of a system may have: that of the system itself, and what is for every system.
func (p Pins) ForSystem(system string) Pins {
	part, has := Pins{Date: p.Date}, make(map[string]bool, len(p.Sources))
	for _, s := range p.Sources {
		if s.System == "" || s.System == system {
			has[s.Name] = true
			part.Sources = append(part.Sources, s)
		}
	}
	for i := range p.Items {
		if has[p.Items[i].Source] {
			part.Items = append(part.Items, p.Items[i])
		}
	}
	return part
}

// Nodes tells the nodes that a set is for: their architecture, "amd64", or their system and architecture, "bookworm/amd64".
func (s *Set) Nodes() string {
	if s.System == "" {
		return s.Architecture
	}
	return s.System + "/" + s.Architecture
}

// ValidNodes reports whether a set's system and architecture are valid names; the system may be empty.
func (s *Set) ValidNodes() bool {
	return ValidName(s.Architecture) && (s.System == "" || ValidName(s.System))
}

// A SystemWord is a word of os-release(5) that identifies a system.
type SystemWord struct{ Word, System string }

// SystemWords are the words that identify one of the systems, sorted. A system's name identifies it. Another word does
// if only one system has it.
func SystemWords(systems []System) (words []SystemWord) {
	of := make(map[string][]string)
	for _, s := range systems {
		for _, word := range s.Words {
			if !slices.Contains(of[word], s.Name) {
				of[word] = append(of[word], s.Name)
			}
		}
	}
	for _, s := range systems {
		of[s.Name] = []string{s.Name}
	}
	for word, names := range of {
		if len(names) == 1 && ValidName(word) {
			words = append(words, SystemWord{word, names[0]})
		}
	}
	slices.SortFunc(words, func(a, b SystemWord) int { return strings.Compare(a.Word, b.Word) })
	return words
}

// FindSystem is the name of the system that a word identifies; empty: none.
func FindSystem(systems []System, word string) string {
	for _, w := range SystemWords(systems) {
		if w.Word == word {
			return w.System
		}
	}
	return ""
}
