package debian

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/minimirror/minimirror/internal/artifact"
)

// explainMissing says why a wish finds nothing, and what there is.
func (u *Universe) explainMissing(w wish) error {
	where := w.position()
	if w.set != "" && w.set != installing {
		where += "set " + w.set + ": "
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s%s: %s", where, w.text, fmt.Sprintf(format, args...))
	}
	architectures := make([]string, len(u.nodes))
	for i, a := range u.nodes {
		architectures[i] = u.architectures[a]
	}
	if w.architecture != "" && !slices.Contains(architectures, w.architecture) {
		return artifact.Hint(fail("no source has packages for %s", w.architecture), "the architectures are %s", list(architectures, "and"))
	}
	if w.selector == "task" {
		return artifact.Hint(fail("no package is of such a task"), "Debian itself has packages for its tasks: task-%s", strings.Trim(w.argument, "*?"))
	}
	if w.many() {
		return fail("no package matches")
	}
	name, known := u.names[w.pattern]
	if known && len(u.byName.of(name)) > 0 {
		offered := false
		for _, id := range u.byName.of(name) {
			offered = offered || !u.entries[id].installed
			if r, excluded := u.excluded[id]; excluded && w.admits(u.entries[id].version) {
				return fail("exclude: %s leaves it out%s", r.String(), at(r))
			}
		}
		if !offered {
			return fail("no source has it; the nodes have %s", u.entries[u.byName.of(name)[0]].version)
		}
		if suites := u.suites(); w.suite != "" && !suites[w.suite] {
			return fail("no source has the suite %s: they have %s", w.suite, list(slices.Sorted(maps.Keys(suites)), "and"))
		}
		if w.suite != "" {
			return fail("not there; %s", u.exists(name))
		}
		if out := u.leftOutFor(w.Request); len(out) > 0 {
			return needsLeftOut(fail, out)
		}
		return fail("no such version; %s", u.exists(name))
	}
	if out := u.leftOutOf(w.pattern); len(out) > 0 {
		return needsLeftOut(fail, out)
	}
	if known && len(u.providers.of(name)) > 0 {
		return artifact.Hint(fail("a virtual package"), "ask for one that provides it: %s", list(u.providerNames(name), "or"))
	}
	if w.pattern == "all" && w.set == "" {
		return artifact.Hint(fail("no such package"), `%s: without brackets or "-"`, wholeHint)
	}
	if near := u.nearest(w.pattern); len(near) > 0 {
		return fail("no such package: did you mean %s?", list(near, "or"))
	}
	return fail("no such package")
}

// needsLeftOut is the error for a request for stanzas that were left out.
func needsLeftOut(fail func(format string, args ...any) error, out []*leftOut) error {
	err := fail("%s", strings.Join(leftOutTexts(out), "; "))
	if slices.ContainsFunc(out, func(l *leftOut) bool { return errors.Is(l.err, errWeakDigests) }) {
		return artifact.Hint(artifact.Verifyf("%w", err), "%s", weakHint)
	}
	return err
}

// suites are the names by which requests may call the suites of all sources.
func (u *Universe) suites() map[string]bool {
	names := make(map[string]bool)
	for i := range u.indexes {
		names[u.indexes[i].origin.Suite] = true
		names[u.indexes[i].origin.Alias] = true
	}
	delete(names, "")
	return names
}

// at says where a request stands: " (mirror.yaml:7)", or nothing.
func at(r Request) string {
	if r.where == "" {
		return ""
	}
	return " (" + r.where + ")"
}

// explainContradiction names the wishes that leave no version of a package.
func (u *Universe) explainContradiction(name nameID, wishes []wish) error {
	texts := make([]string, len(wishes))
	for i, w := range wishes {
		texts[i] = w.String()
	}
	last := wishes[len(wishes)-1]
	for _, w := range wishes { // one of them alone may be enough
		if !slices.ContainsFunc(u.byName.of(name), func(id entryID) bool {
			v := u.entries[id].version
			return w.admits(v) && last.admits(v)
		}) {
			texts = []string{w.String(), last.String()}
			break
		}
	}
	return fmt.Errorf("%s%s contradict each other; %s", last.position(), list(texts, "and"), u.exists(name))
}

// exists says in which versions there is a package, and where: "c exists as 1.0
// (bookworm), 2.0 (bookworm-updates)".
func (u *Universe) exists(name nameID) string {
	const most = 6
	ids := u.sortedIDs(u.byName.of(name))
	if len(ids) == 0 {
		return strings.Join(append([]string{u.texts[name] + " does not exist"}, leftOutTexts(u.leftOutOf(u.texts[name]))...), "; ")
	}
	before := ""
	if len(ids) > most {
		ids, before = ids[len(ids)-most:], "…, "
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = u.entries[id].version + " (" + u.places(u.pkg(id))
		if r, excluded := u.excluded[id]; excluded {
			texts[i] += "; left out by exclude: " + r.String() + at(r)
		} else if u.entries[id].pin < 0 {
			texts[i] += "; its source has a negative pin"
		} else if c := u.control(id); c.err != nil && !u.entries[id].installed {
			texts[i] += "; left out: " + c.err.Error()
		}
		texts[i] += ")"
	}
	return u.texts[name] + " exists as " + before + strings.Join(texts, ", ")
}

// places names the suites of a package, and its architecture if there are several.
func (u *Universe) places(p *Package) string {
	var all []string
	for _, o := range p.Origins {
		place := o.Suite
		if flat(o.Suite) {
			place = o.Source
		}
		if !slices.Contains(all, place) {
			all = append(all, place)
		}
	}
	if len(u.nodes) > 1 {
		all = append(all, p.Architecture)
	}
	return strings.Join(all, ", ")
}

func (u *Universe) providerNames(name nameID) (names []string) {
	for _, p := range u.providers.of(name) {
		names = append(names, u.texts[u.entries[p.by].name])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nearest returns up to three names of packages that a person may have meant:
// those that go on after name ("docker.io" for "docker"), and those with few
// letters wrong, the same beginning first.
func (u *Universe) nearest(name string) []string {
	type near struct {
		name             string
		distance, common int
	}
	limit := min(max(2, len(name)/3), len(name)-1)
	var all []near
	for id, text := range u.texts {
		if len(u.byName.of(nameID(id))) == 0 {
			continue
		}
		distance := limit + 1
		if rest, found := strings.CutPrefix(text, name); found && len(name) > 1 && rest != "" && !isAlphanumeric(rest[0]) {
			distance = 1
		} else if abs(len(text)-len(name)) <= limit {
			distance = levenshtein.Distance(strings.ToLower(name), text, nil)
		}
		if distance <= limit {
			all = append(all, near{text, distance, commonPrefix(name, text)})
		}
	}
	slices.SortFunc(all, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.common, a.common),
			cmp.Compare(len(a.name), len(b.name)), strings.Compare(a.name, b.name))
	})
	var names []string
	for _, n := range all[:min(3, len(all))] {
		names = append(names, n.name)
	}
	return names
}

func abs(n int) int { return max(n, -n) }

func commonPrefix(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// list joins words for a person: "a, b and c". Of many it shows a few.
func list(words []string, and string) string {
	if more := len(words) - 8; more > 1 {
		words = append(slices.Clone(words[:8]), fmt.Sprintf("%d more", more))
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + and + " " + words[last]
}
