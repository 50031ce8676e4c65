package debian

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/broken"
)

// Systems implements artifact.SystemNamer. The words of a system are the codenames that most suites of the section have: those of
// its distribution, with the security and other suites that belong to it.
func (Kind) Systems(sources []artifact.Source) (systems []artifact.System) {
	for _, name := range artifact.Systems(sources) {
		count := make(map[string]int)
		for i := range sources {
			for at := range sources[i].Releases {
				if codename := codenameOf(&sources[i].Releases[at]); sources[i].System == name && codename != "" {
					count[codename]++
				}
			}
		}
		system := artifact.System{Name: name}
		for _, codename := range slices.Sorted(maps.Keys(count)) {
			if count[codename] == slices.Max(slices.Collect(maps.Values(count))) {
				system.Words = append(system.Words, codename)
			}
		}
		systems = append(systems, system)
	}
	return systems
}

// codenameOf is the codename of the release that a suite belongs to: "bookworm" of "bookworm-security". A suite of own packages belongs
// to none.
func codenameOf(r *artifact.Release) string {
	if archive.IsOwn(r) {
		return ""
	}
	identity := archive.IdentityOf(r)
	if identity[3] != "" {
		return withoutPocket(identity[3])
	}
	return withoutPocket(identity[2])
}

// warnOfReleases says why suites of two releases of a distribution do not go together. Suites that apt takes nothing from by itself,
// such as experimental, are meant for that.
func warnOfReleases(log *slog.Logger, sources []artifact.Source) {
	type place struct{ codename, where string }
	first := make(map[string]place) // by Origin
	for i := range sources {
		for at := range sources[i].Releases {
			r := &sources[i].Releases[at]
			origin, codename := archive.IdentityOf(r)[0], codenameOf(r)
			if origin == "" || codename == "" || slices.Contains(r.Metadata, "NotAutomatic: yes") {
				continue
			}
			here := place{codename, fmt.Sprintf("%s of source %s", r.Name, sources[i].Name)}
			other, found := first[origin]
			if !found {
				first[origin] = here
			} else if other.codename != here.codename {
				log.Warn(fmt.Sprintf("%s and %s are of two releases: clients of the mirror would be upgraded to the newer one; write debian as a list, with a section for each release", other.where, here.where))
				return
			}
		}
	}
}

// Broken implements artifact.BreakageFinder. A node has the packages of one system only.
func (Kind) Broken(ctx context.Context, pins artifact.Pins, sets []artifact.Set, absent func(id string) bool) (all []artifact.Breakage, err error) {
	pins = withoutSources(pins)
	systems := artifact.Systems(pins.Sources)
	if len(systems) == 0 {
		return broken.Find(ctx, pins, sets, absent)
	}
	for _, system := range systems {
		own := slices.DeleteFunc(slices.Clone(sets), func(s artifact.Set) bool { return s.System != system })
		found, err := broken.Find(ctx, pins.ForSystem(system), own, absent)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// sourcesName is the name of the file with the sources of a system.
func sourcesName(system string) string { return system + ".sources" }

// systemsText tells clients which systems there are, and where their sources are.
func systemsText(systems []artifact.System, base string) string {
	var b strings.Builder
	b.WriteString("This mirror is for several systems. Name the one that the machine has, by its codename in /etc/os-release:\n\n")
	for _, s := range systems {
		fmt.Fprintf(&b, "  %s/%s", base, sourcesName(s.Name))
		if others := slices.DeleteFunc(slices.Clone(s.Words), func(word string) bool { return word == s.Name }); len(others) > 0 {
			fmt.Fprintf(&b, "   (%s)", strings.Join(others, ", "))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n  %s%s?codename=%s\n", base, SourcesPath, systems[0].Name)
	return b.String()
}
