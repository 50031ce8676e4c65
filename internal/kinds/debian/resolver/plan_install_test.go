package resolver

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func TestPlanInstall(t *testing.T) {
	const archive = "app 2\n Depends: lib (>= 2), tool\n Pre-Depends: pre\nlib 2\ntool 1\n Depends: lib\npre 1\nextra 1\n Depends: app"
	for _, c := range []struct {
		name, archive, installed, held string
		names                          []string
		set                            string // names of members; "*": all
		unknown                        bool   // nothing is known of the node
		node                           string // its architecture; none: amd64
		requested                      string // of them
		want, present, problem         string
	}{
		{name: "a bare node", archive: archive, requested: "app", set: "app lib tool pre", want: "lib, pre, tool; app"},
		{name: "what is installed stays", archive: archive, installed: "lib 2\npre 5", requested: "app", set: "app lib tool pre", want: "tool, app", present: "lib 2, pre 5"},
		{name: "what is too old is replaced", archive: archive, installed: "lib 1", requested: "app", set: "app lib tool pre", want: "lib, pre, tool; app"},
		{name: "a newer one of what is asked for", archive: archive, installed: "app 3", requested: "app", set: "app lib tool pre", want: "", present: "app 3"},
		{name: "an older one of what is asked for", archive: archive, installed: "app 1\nlib 2\ntool 1\npre 1", requested: "app", set: "app lib tool pre", want: "app", present: "lib 2, pre 1, tool 1"},
		{name: "on hold, and good enough", archive: archive, installed: "tool 1\nlib 2", held: "tool", requested: "app", set: "app lib tool pre", want: "pre; app", present: "lib 2, tool 1"},
		{name: "on hold, and too old", archive: archive, installed: "lib 1", held: "lib", requested: "app", set: "app lib tool pre", problem: "lib 1"},
		{name: "a package with all it needs", archive: archive, names: []string{"extra"}, want: "lib, pre, tool; app, extra"},
		{name: "a version", archive: archive, names: []string{"app (>= 3)"}, problem: "no such version"},
		{name: "a package that is not there", archive: archive, names: []string{"ap"}, problem: "no such package"},
		{name: "something that must go", archive: "mta 1\n Conflicts: other", installed: "other 1", set: "*", problem: "conflicts with other"},
		{name: "a node of which nothing is known", archive: archive, set: "tool app", unknown: true, want: "tool, app"},
		{name: "another architecture", archive: "arm64: app 1\nlib 1", set: "*", problem: "for arm64, and the node is for amd64"},
		{name: "packages for any architecture alone", archive: "app 1 all\n Depends: lib\nlib 1 all", set: "*", unknown: true, want: "lib, app"},
		{name: "no architecture of a node", archive: "app 1 all", set: "*", node: "all", unknown: true, problem: "no architecture of a node"},
		{name: "the set's own alternative, though the image has the first", archive: "php 1\n Depends: modphp | fpm\nmodphp 1\nfpm 1", requested: "php fpm", set: "php fpm", want: "fpm, php"},
		{name: "what the set names comes, though the node has an alternative", archive: "php 1\n Depends: modphp | fpm\nmodphp 1\nfpm 1", installed: "modphp 1", requested: "php fpm", set: "php fpm", want: "fpm, php", present: "modphp 1"},
		{name: "all of a set together, in the set's versions", archive: "a 1\na 2\n Conflicts: b\nb 1", requested: "a=1 b", set: "a=1 b", want: "a, b"},
		{name: "a package of another architecture", archive: archive, names: []string{"app:arm64"}, problem: "the node is for amd64"},
		{name: "a package of a suite", archive: archive, names: []string{"tool/bookworm"}, want: "lib, tool"},
		{name: "a cycle", archive: "a 1\n Depends: b\nb 1\n Depends: a", set: "*", want: "a, b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pins, ids := debiantest.PinsOfText(t, c.archive)
			req := artifact.InstallRequest{Pins: pins, Names: c.names, Architecture: cmp.Or(c.node, "amd64")}
			for i, a := range pins.Items {
				in := func(list string) bool {
					return strings.Contains(" "+list+" ", " "+a.Name+" ") || strings.Contains(" "+list+" ", " "+a.Name+"="+a.Version+" ")
				}
				if c.set == "*" || in(c.set) {
					req.Set = append(req.Set, ids[i])
				}
				if in(c.requested) {
					req.Requested = append(req.Requested, ids[i])
				}
			}
			if !c.unknown {
				req.Root = t.TempDir()
				status := string(debiantest.StatusOf(c.installed))
				if c.held != "" {
					before, after, _ := strings.Cut(status, "Package: "+c.held+"\n")
					status = before + "Package: " + c.held + "\n" + strings.Replace(after, "install ok installed", "hold ok installed", 1)
				}
				if err := os.MkdirAll(filepath.Join(req.Root, "var/lib/dpkg"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(req.Root, statusFile), []byte(status), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := PlanInstall(context.Background(), req)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Fatalf("%v, want %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var steps []string
			for _, step := range plan.Steps {
				var names []string
				for _, a := range step {
					names = append(names, a.Name)
				}
				steps = append(steps, strings.Join(names, ", "))
			}
			if got := strings.Join(steps, "; "); got != c.want {
				t.Errorf("steps %q, want %q", got, c.want)
			}
			if got := strings.Join(plan.Present, ", "); got != c.present {
				t.Errorf("present %q, want %q", got, c.present)
			}
		})
	}
}

// The text of a foreign image goes into a shell script.
func TestPlanInstallRefusesStrangeFiles(t *testing.T) {
	for _, base := range []string{"a'b.deb", "a b.deb", "$(x).deb", "-a.deb", ".a.deb", "a\nb.deb"} {
		pins, ids := debiantest.PinsOfText(t, "a 1")
		pins.Items[0].Files[0].Path = "pool/" + base
		ids[0] = pins.Items[0].ID()
		if _, err := PlanInstall(context.Background(), artifact.InstallRequest{Pins: pins, Set: ids, Architecture: "amd64"}); err == nil {
			t.Errorf("%q is accepted", base)
		}
	}
	pins, _ := debiantest.PinsOfText(t, "a 1")
	if _, err := PlanInstall(context.Background(), artifact.InstallRequest{Pins: pins, Set: []string{"d/none"}, Architecture: "amd64"}); err == nil {
		t.Error("a set of what is not there is accepted")
	}
}

// TestDecodedLines: a lock from elsewhere cannot bring lines into an index that are not its own.
func TestDecodedLines(t *testing.T) {
	for _, line := range []string{"X: a\uf70aPackage: evil", "\uf70a", "X: \uf741"} {
		a := artifact.Item{Name: "a", Version: "1", Attributes: artifact.NewAttributes(map[string][]string{"architecture": {"all"}}), Files: []artifact.File{{Path: "a.deb", SHA256: strings.Repeat("a", 64)}}, Metadata: []string{line}}
		if strings.Count(deb822.MetadataText(&a), "\n") != 1 {
			t.Errorf("%q becomes %q", line, deb822.MetadataText(&a))
		}
		if checkPin(&a) == nil {
			t.Errorf("%q is taken for metadata", line)
		}
	}
}
