package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// printDownloads writes the size of what build will fetch, with a line for each source.
func (c *command) printDownloads(all []builder.Download) {
	var files int
	var size int64
	for _, d := range all {
		files += d.Files
		size += d.Size
	}
	fmt.Fprintf(c.stdout, "to fetch: %s\n", quantity(files, "file", size))
	for _, d := range all {
		fmt.Fprintf(c.stdout, "  %s: %s\n", d.Source, quantity(d.Files, "file", d.Size))
	}
}

// printExtras writes a line for each option of a source that adds to the lock.
func (c *command) printExtras(l *lockfile.Lock) {
	for _, kind := range kinds.All() {
		accounter, able := artifact.Able[artifact.Accounter](kind)
		if !able {
			continue
		}
		pins := artifact.Pins{Date: l.Date}
		for i := range l.Sources {
			if l.Sources[i].Kind == kind.Name() {
				pins.Sources = append(pins.Sources, l.Sources[i])
			}
		}
		for i := range l.Items {
			if l.Items[i].Kind == kind.Name() {
				pins.Items = append(pins.Items, l.Items[i])
			}
		}
		for _, x := range accounter.Extras(pins) {
			fmt.Fprintf(c.stdout, "  %s: %s: %s\n", x.Source, x.Name, quantity(x.Files, "file", x.Size))
		}
	}
}

// printChanges writes a line for each change, and a summary.
func (c *command) printChanges(changes []builder.Change) {
	var added, removed, moved, security int
	var more int64
	for _, x := range changes {
		what := ""
		switch {
		case x.Old == nil:
			added++
			more += x.New.Size
			what = fmt.Sprintf("%s, %s", artifact.Title("added", x.New.Version, ""), bytesize.MB(x.New.Size))
		case x.New == nil:
			removed++
			more -= x.Old.Size
			what = fmt.Sprintf("%s, %s", artifact.Title("removed", x.Old.Version, ""), bytesize.MB(x.Old.Size))
		default:
			moved++
			more += x.New.Size - x.Old.Size
			what = fmt.Sprintf("%s, %s → %s", versions(x.Old, x.New), bytesize.MB(x.Old.Size), bytesize.MB(x.New.Size))
		}
		if x.New != nil && x.New.Security {
			security++
			what += ", security"
		}
		system := ""
		if x.System != "" {
			system = x.System + ": "
		}
		fmt.Fprintf(c.stdout, "%s%s: %s\n", system, artifact.Title(x.Name, "", x.Architecture), what)
	}
	if len(changes) == 0 {
		return
	}
	sign := "+"
	if more < 0 {
		sign, more = "-", -more
	}
	fmt.Fprintf(c.stdout, "%d changed, %d added, %d removed, %s%s; %d of them for security\n", moved, added, removed, sign, bytesize.MB(more), security)
}

// heldBack are the names of what an update would move for security, each once.
func heldBack(made *builder.Locked) []string {
	names := []string{}
	for _, x := range made.Changes {
		if x.Old != nil && x.New != nil && x.New.Security && x.Old.Version != x.New.Version && !slices.Contains(names, x.Name) {
			names = append(names, x.Name)
		}
	}
	return names
}

// someOf joins the first of many names.
func someOf(names []string) string {
	const most = 10
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// printReleaseChanges writes a line for each change.
func (c *command) printReleaseChanges(changes []artifact.ReleaseChange) {
	for _, x := range changes {
		fmt.Fprintf(c.stdout, "%s %s: %s: %q → %q\n", x.Source, x.Release, x.Field, x.Old, x.New)
	}
}

// warnOfReleaseChanges warns about changes that clients refuse until their user accepts them.
func (c *command) warnOfReleaseChanges(changes []artifact.ReleaseChange) {
	refused := make(map[string][]string) // fields, by the command that accepts them
	for _, x := range changes {
		if x.Accept != "" {
			refused[x.Accept] = append(refused[x.Accept], fmt.Sprintf("%s %s: %s", x.Source, x.Release, x.Field))
		}
	}
	for _, accept := range slices.Sorted(maps.Keys(refused)) {
		c.log().Warn("upstream's Release has changed: clients refuse it until each of them accepts the change", "changed", strings.Join(refused[accept], ", "), "accept", accept)
	}
}

// versions describes the difference between the old pin and the new one.
func versions(old, now *builder.Pin) string {
	switch {
	case old.Version != now.Version:
		return old.Version + " → " + now.Version
	case old.SHA256 != now.SHA256:
		return strings.TrimSpace(now.Version + " with other content")
	case old.Source != now.Source:
		return strings.TrimSpace(fmt.Sprintf("%s from %s instead of %s", now.Version, now.Source, old.Source))
	}
	return strings.TrimSpace(now.Version + " under another path")
}

// warnOfSize warns about a lock that is probably larger than intended.
func (c *command) warnOfSize(l *lockfile.Lock) {
	const large = 100_000_000_000
	if size := sizeOf(l); size > large {
		c.log().Warn("the lock is very large; the cache and the image will each need this much space", "size", bytesize.MB(size))
	}
}

func summary(l *lockfile.Lock) string { return quantity(len(l.Items), "item", sizeOf(l)) }

// sizeOf is the size of everything in a lock, in bytes.
func sizeOf(l *lockfile.Lock) (size int64) {
	for i := range l.Items {
		size += l.Items[i].Size()
	}
	return size
}

// quantity formats a number of things and their size: "1 file, 0.1 MB".
func quantity(n int, thing string, size int64) string {
	return counted(n, thing) + ", " + bytesize.MB(size)
}

// counted writes a number of things: "1 item", "2 items".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
