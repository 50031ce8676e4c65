package resolver

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// explainMissing says why a wish finds nothing, and what there is.
func (u *Universe) explainMissing(w wish) error {
	where := w.position()
	if w.set != "" && w.set != UnnamedSet {
		where += "set " + w.set + ": "
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s%s: %s", where, w.text, fmt.Sprintf(format, args...))
	}
	architectures := make([]string, len(u.Nodes))
	for i, a := range u.Nodes {
		architectures[i] = u.Architectures[a]
	}
	if w.architecture != "" && !slices.Contains(architectures, w.architecture) {
		return artifact.Hint(fail("no source has packages for %s", w.architecture), "the architectures are %s", Enumerate(architectures, "and"))
	}
	if w.selector == "task" {
		return artifact.Hint(fail("no package is of such a task"), "Debian itself has packages for its tasks: task-%s", strings.Trim(w.argument, "*?"))
	}
	if w.MatchesMany() {
		return fail("no package matches")
	}
	name, known := u.nameIDs[w.Pattern]
	if known && len(u.ByName.Of(name)) > 0 {
		offered := false
		for _, id := range u.ByName.Of(name) {
			offered = offered || !u.Entries[id].installed
			if r, excluded := u.excluded[id]; excluded && w.admits(u.Entries[id].Version) {
				return fail("exclude: %s leaves it out%s", r.String(), at(r))
			}
		}
		if !offered {
			return fail("no source has it; the nodes have %s", u.Entries[u.ByName.Of(name)[0]].Version)
		}
		if suites := u.suites(); w.suite != "" && !suites[w.suite] {
			return fail("no source has the suite %s: they have %s", w.suite, Enumerate(slices.Sorted(maps.Keys(suites)), "and"))
		}
		if w.suite != "" {
			return fail("not there; %s", u.exists(name))
		}
		if out := u.leftOutFor(w.Request); len(out) > 0 {
			return needsLeftOut(fail, out)
		}
		return fail("no such version; %s", u.exists(name))
	}
	if out := u.leftOutOf(w.Pattern); len(out) > 0 {
		return needsLeftOut(fail, out)
	}
	if known && len(u.providers.Of(name)) > 0 {
		return artifact.Hint(fail("a virtual package"), "ask for one that provides it: %s", Enumerate(u.providerNames(name), "or"))
	}
	if w.Pattern == "all" && w.set == "" {
		return artifact.Hint(fail("no such package"), `%s: without brackets or "-"`, WholeHint)
	}
	if near := u.nearest(w.Pattern); len(near) > 0 {
		return fail("no such package: did you mean %s?", Enumerate(near, "or"))
	}
	return fail("no such package")
}

// needsLeftOut is the error for a request for stanzas that were left out.
func needsLeftOut(fail func(format string, args ...any) error, out []*leftOut) error {
	err := fail("%s", strings.Join(leftOutTexts(out), "; "))
	if slices.ContainsFunc(out, func(l *leftOut) bool { return errors.Is(l.err, deb822.ErrWeakDigests) }) {
		return artifact.Hint(artifact.Verifyf("%w", err), "%s", deb822.WeakHint)
	}
	return err
}

// suites are the names by which requests may call the suites of all sources.
func (u *Universe) suites() map[string]bool {
	names := make(map[string]bool)
	for i := range u.indexes {
		names[u.indexes[i].Origin.Suite] = true
		names[u.indexes[i].Origin.Alias] = true
	}
	delete(names, "")
	return names
}

// at says where a request stands: " (mirror.yaml:7)", or nothing.
func at(r Request) string {
	if r.Where == "" {
		return ""
	}
	return " (" + r.Where + ")"
}

// explainContradiction names the wishes that leave no version of a package.
func (u *Universe) explainContradiction(name NameID, wishes []wish) error {
	texts := make([]string, len(wishes))
	for i, w := range wishes {
		texts[i] = w.String()
	}
	last := wishes[len(wishes)-1]
	for _, w := range wishes { // one of them alone may be enough
		if !slices.ContainsFunc(u.ByName.Of(name), func(id EntryID) bool {
			v := u.Entries[id].Version
			return w.admits(v) && last.admits(v)
		}) {
			texts = []string{w.String(), last.String()}
			break
		}
	}
	return fmt.Errorf("%s%s contradict each other; %s", last.position(), Enumerate(texts, "and"), u.exists(name))
}

// exists says in which versions there is a package, and where: "c exists as 1.0
// (bookworm), 2.0 (bookworm-updates)".
func (u *Universe) exists(name NameID) string {
	const most = 6
	ids := u.sortedIDs(u.ByName.Of(name))
	if len(ids) == 0 {
		return strings.Join(append([]string{u.Names[name] + " does not exist"}, leftOutTexts(u.leftOutOf(u.Names[name]))...), "; ")
	}
	before := ""
	if len(ids) > most {
		ids, before = ids[len(ids)-most:], "…, "
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = u.Entries[id].Version + " (" + u.places(u.pkg(id))
		if r, excluded := u.excluded[id]; excluded {
			texts[i] += "; left out by exclude: " + r.String() + at(r)
		} else if u.Entries[id].pin < 0 {
			texts[i] += "; its source has a negative pin"
		} else if c := u.Control(id); c.err != nil && !u.Entries[id].installed {
			texts[i] += "; left out: " + c.err.Error()
		}
		texts[i] += ")"
	}
	return u.Names[name] + " exists as " + before + strings.Join(texts, ", ")
}

// places names the suites of a package, and its architecture if there are several.
func (u *Universe) places(p *Package) string {
	var all []string
	for _, o := range p.Origins {
		place := o.Suite
		if deb822.IsFlat(o.Suite) {
			place = o.Source
		}
		if !slices.Contains(all, place) {
			all = append(all, place)
		}
	}
	if len(u.Nodes) > 1 {
		all = append(all, p.Architecture)
	}
	return strings.Join(all, ", ")
}

func (u *Universe) providerNames(name NameID) (names []string) {
	for _, p := range u.providers.Of(name) {
		names = append(names, u.Names[u.Entries[p.by].Name])
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
	for id, text := range u.Names {
		if len(u.ByName.Of(NameID(id))) == 0 {
			continue
		}
		distance := limit + 1
		if rest, found := strings.CutPrefix(text, name); found && len(name) > 1 && rest != "" && !deb822.IsAlphanumeric(rest[0]) {
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

// Enumerate joins words for a person: "a, b and c". Of many it shows a few.
func Enumerate(words []string, and string) string {
	if more := len(words) - 8; more > 1 {
		words = append(slices.Clone(words[:8]), fmt.Sprintf("%d more", more))
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + and + " " + words[last]
}
