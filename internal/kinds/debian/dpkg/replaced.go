package dpkg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// replacedBy lists the packages that the packages of a plan replace and conflict with, as the script takes them: "OLD NEW [OPERATOR
// VERSION]…". A package that is in the plan itself is upgraded instead.
func replacedBy(plan *artifact.InstallPlan) map[*artifact.Item][]string {
	planned := make(map[string]bool)
	for _, a := range slices.Concat(plan.Steps...) {
		planned[a.Name] = true
	}
	all := make(map[*artifact.Item][]string)
	for _, a := range slices.Concat(plan.Steps...) {
		relations := func(fields ...string) (of []deb822.Relation) {
			for _, name := range fields {
				clauses, _ := deb822.ParseClauses(deb822.StanzaField(strings.Join(a.Metadata, "\n"), name))
				of = append(of, slices.Concat(clauses...)...)
			}
			return of
		}
		for _, r := range relations("Replaces") {
			for _, against := range relations("Breaks", "Conflicts") {
				if r.Name != against.Name || planned[r.Name] || !deb822.ValidPackageName(r.Name) {
					continue
				}
				word := r.Name + " " + a.Name
				for _, of := range []deb822.Relation{r, against} {
					if of.Op != deb822.AnyVersion && deb822.ValidVersion(of.Version) {
						word += " " + deb822.Operators[of.Op] + " " + of.Version
					}
				}
				all[a] = append(all[a], word)
			}
		}
	}
	return all
}

func writeReplaced(b *strings.Builder, command string, step []*artifact.Item, replaced map[*artifact.Item][]string) {
	words := ""
	for _, a := range step {
		for _, word := range replaced[a] {
			words += fmt.Sprintf(" \\\n\t'%s'", word)
		}
	}
	if words != "" {
		fmt.Fprintf(b, "%s%s\n", command, words)
	}
}
