package debian

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// Aliases are the virtual packages that a package provides: Policy 7.5.
func (Kind) Aliases(a *artifact.Item) (names []string) {
	return relatedNames(a, a.Name, "Provides")
}

// Needs implements artifact.Needer: the names in Pre-Depends and Depends, all
// alternatives of each.
func (Kind) Needs(a *artifact.Item) (names []string) {
	return relatedNames(a, "", "Pre-Depends", "Depends")
}

// NameOf implements artifact.Installer.
func (Kind) NameOf(request string) (string, error) {
	r, err := resolver.ParseRequest(request)
	if err != nil {
		return "", artifact.Usagef("%w", err)
	}
	if r.MatchesMany() {
		return "", artifact.Usagef("%q: name one package: patterns are for definitions", request)
	}
	return r.Pattern, nil
}

// relatedNames are the names in some fields of a package, sorted, without its own.
func relatedNames(a *artifact.Item, own string, fields ...string) (names []string) {
	stanza := strings.Join(a.Metadata, "\n")
	for _, field := range fields {
		clauses, err := deb822.ParseClauses(deb822.StanzaField(stanza, field))
		if err != nil {
			continue // who installs it is told
		}
		for _, c := range clauses {
			for _, r := range c {
				if r.Name != own {
					names = append(names, r.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
