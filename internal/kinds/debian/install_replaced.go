package debian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
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
		relations := func(fields ...string) (of []relation) {
			for _, name := range fields {
				clauses, _ := parseClauses(stanzaField(strings.Join(a.Metadata, "\n"), name))
				of = append(of, slices.Concat(clauses...)...)
			}
			return of
		}
		for _, r := range relations("Replaces") {
			for _, against := range relations("Breaks", "Conflicts") {
				if r.name != against.name || planned[r.name] || !validPackageName(r.name) {
					continue
				}
				word := r.name + " " + a.Name
				for _, of := range []relation{r, against} {
					if of.op != anyVersion && validVersion(of.version) {
						word += " " + operators[of.op] + " " + of.version
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
