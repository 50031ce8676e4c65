package resolver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestPlanRemoves plans what replaces packages that a node has, and has the real apt simulate the same. apt removes more than we do: also
// what is broken and not replaced, and what depends on it. We refuse that.
func TestPlanRemoves(t *testing.T) {
	const t64 = "app 1\n Depends: libssl3t64 (>= 3)\nlibssl3t64 3\n Provides: libssl3 (= 3)\n Breaks: libssl3 (<< 3)\n Replaces: libssl3\n Multi-Arch: same\n"
	for _, c := range []struct {
		name, archive, installed, held string
		install                        string
		want, removed, problem         string
		apt                            string // names that apt removes, if they are others than ours; "refuses"
		foreign                        bool   // the node takes i386, too
	}{
		{name: "the 64-bit time transition", archive: t64, installed: "libssl3 2\n Multi-Arch: same\ncurl 1\n Depends: libssl3 (>= 2)", install: "app",
			want: "libssl3t64, app", removed: "libssl3:amd64 2 by libssl3t64 3 after 0"},
		{name: "a dependant that the replacement does not satisfy is upgraded", archive: t64 + "curl 2\n Depends: libssl3t64", installed: "libssl3 2\ncurl 1\n Depends: libssl3 (= 2)", install: "app",
			want: "libssl3t64, app, curl", removed: "libssl3:amd64 2 by libssl3t64 3 after 0"},
		{name: "or else nothing is done", archive: t64, installed: "libssl3 2\ncurl 1\n Depends: libssl3 (= 2)", install: "app",
			problem: "libssl3 2, which comes from curl 1 (the nodes have it)", apt: "curl libssl3"},
		{name: "a chain", archive: "c 1\n Breaks: b, a\n Replaces: b, a\n", installed: "a 1\nb 1\n Replaces: a", install: "c", want: "c", removed: "a:amd64 1 by c 1 after 0, b:amd64 1 by c 1 after 0"},
		{name: "a chain of three, installed one by one", archive: "c 1\n Breaks: b\n Replaces: b\n Depends: d\nd 1\n Breaks: a\n Replaces: a", installed: "a 1\nb 1", install: "c", want: "d, c", removed: "a:amd64 1 by d 1 after 0, b:amd64 1 by c 1 after 0"},
		{name: "on hold", archive: t64, installed: "libssl3 2", held: "libssl3", install: "app", problem: "libssl3 2, which is on hold", apt: "refuses"},
		{name: "essential", archive: "n 1\n Breaks: o\n Replaces: o", installed: "o 1\n Essential: yes", install: "n", problem: "o 1, which is essential", apt: "refuses"},
		{name: "protected", archive: "n 1\n Breaks: o\n Replaces: o", installed: "o 1\n Protected: yes", install: "n", problem: "o 1, which is protected", apt: "refuses"},
		{name: "Conflicts", archive: "n 1\n Conflicts: o\n Replaces: o\n Provides: o", installed: "o 1\nuser 1\n Depends: o", install: "n", want: "n", removed: "o:amd64 1 by n 1 after 0"},
		{name: "Conflicts of the old one", archive: "n 1\n Replaces: o\n Provides: o", installed: "o 1\n Conflicts: n", install: "n", want: "n", removed: "o:amd64 1 by n 1 after 0"},
		{name: "a virtual package", archive: "postfix 1\n Conflicts: mta\n Provides: mta\n Replaces: mta", installed: "exim 1\n Provides: mta\n Conflicts: mta\n Replaces: mta\nuser 1\n Depends: mta", install: "postfix",
			want: "postfix", removed: "exim:amd64 1 by postfix 1 before 0"},
		{name: "Breaks alone", archive: "n 1\n Breaks: o", installed: "o 1", install: "n", problem: "o 1, which n 1 does not replace", apt: "o"},
		{name: "Conflicts alone", archive: "n 1\n Conflicts: o", installed: "o 1", install: "n", problem: "o 1, which n 1 does not replace", apt: "o"},
		{name: "Replaces alone", archive: "n 1\n Replaces: o", installed: "o 1", install: "n", want: "n"},
		{name: "Replaces of another version", archive: "n 1\n Breaks: o\n Replaces: o (<< 1)", installed: "o 1", install: "n", problem: "o 1, which n 1 does not replace", apt: "o"},
		{name: "files that moved: an upgrade first", archive: "n 2\n Breaks: o (<< 2)\n Replaces: o (<< 2)\no 2", installed: "o 1", install: "n", want: "o, n"},
		{name: "an upgrade that cannot be", archive: "n 2\n Breaks: o (<< 2)\n Replaces: o (<< 2)\no 2\n Depends: missing", installed: "o 1", install: "n", want: "n", removed: "o:amd64 1 by n 2 after 0"},
		{name: "what the node has serves an alternative", archive: "app 1\n Depends: mta\npostfix 1\n Provides: mta\n Conflicts: mta\n Replaces: mta", installed: "exim 1\n Provides: mta", install: "app", want: "app"},
		{name: "another breaks it, and the image has what replaces it", archive: t64 + "x 1\n Breaks: libssl3 (<< 3)", installed: "libssl3 2\ncurl 1\n Depends: libssl3", install: "x",
			want: "libssl3t64, x", removed: "libssl3:amd64 2 by libssl3t64 3 after 0", apt: "curl libssl3"},
		{name: "the one that is asked for", archive: t64 + "libssl3 2", installed: "libssl3 2", install: "app libssl3", problem: "libssl3"},
		{name: "for all architectures", archive: "n 1 all\n Breaks: o\n Replaces: o", installed: "o 1 all", install: "n", want: "n", removed: "o 1 by n 1 after 0"},
		{name: "both architectures", archive: t64, installed: "libssl3 2\n Multi-Arch: same\nlibssl3 2 i386\n Multi-Arch: same", install: "app", foreign: true,
			want: "libssl3t64, app", removed: "libssl3:amd64 2 by libssl3t64 3 after 0, libssl3:i386 2 by libssl3t64 3 after 0"},
		{name: "both architectures, the other with a dependant", archive: t64, installed: "libssl3 2\n Multi-Arch: same\nlibssl3 2 i386\n Multi-Arch: same\nwine 1 i386\n Depends: libssl3", install: "app", foreign: true,
			problem: "the nodes have", apt: "libssl3 libssl3:i386 wine:i386"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pins, _ := debiantest.PinsOfText(t, c.archive)
			status := string(debiantest.StatusOf(c.installed))
			if c.held != "" {
				before, after, _ := strings.Cut(status, "Package: "+c.held+"\n")
				status = before + "Package: " + c.held + "\n" + strings.Replace(after, "install ok installed", "hold ok installed", 1)
			}
			req := artifact.InstallRequest{Pins: pins, Names: strings.Fields(c.install), Architecture: "amd64", Root: t.TempDir()}
			root := debiantest.NewAptRoot(t, t.TempDir())
			if c.foreign {
				root.NativeTo("amd64", []string{"i386"})
			}
			root.WriteFile(filepath.Join(req.Root, statusFile), []byte(status))
			root.Write("status", []byte(status))

			u := newTestUniverse(t, one(c.archive)...)
			addPackages(root, u.All())
			root.Update()
			out, err := root.Command("apt-get", append([]string{"-s", "-y", "-qq", "install"}, req.Names...)...).CombinedOutput()
			var theirs []string
			for line := range strings.Lines(string(out)) {
				if words := strings.Fields(line); len(words) > 1 && words[0] == "Remv" {
					theirs = append(theirs, words[1])
				}
			}
			slices.Sort(theirs)

			plan, planErr := PlanInstall(context.Background(), req)
			if c.problem != "" {
				if planErr == nil || !strings.Contains(planErr.Error(), c.problem) {
					t.Errorf("got %v, want %q", planErr, c.problem)
				}
			} else if planErr != nil {
				t.Fatal(planErr)
			} else {
				var names, removed []string
				for _, a := range slices.Concat(plan.Steps...) {
					names = append(names, a.Name)
				}
				for _, r := range plan.Removed {
					when := "after"
					if r.First {
						when = "before"
					}
					removed = append(removed, fmt.Sprintf("%s %s by %s %s %d", r.Name, r.Version, r.By, when, r.Step))
				}
				if got := strings.Join(names, ", "); got != c.want {
					t.Errorf("installs %q, want %q", got, c.want)
				}
				if got := strings.Join(removed, ", "); got != c.removed {
					t.Errorf("removes %q, want %q", got, c.removed)
				}
				if c.apt == "" {
					for _, r := range plan.Removed {
						c.apt += " " + strings.TrimSuffix(r.Name, ":amd64")
					}
				}
			}
			if got := strings.Join(theirs, " "); err == nil && got != strings.TrimSpace(c.apt) && (c.problem == "" || c.apt != "") {
				t.Errorf("apt removes %q, want %q", got, c.apt)
			} else if err != nil && c.apt != "refuses" && (c.problem == "" || c.apt != "") {
				t.Errorf("apt: %v: %s", err, out)
			}
		})
	}
}

// TestPlanRemovesLeftovers goes on where a run was interrupted after the new package was configured, and before the old one was removed.
func TestPlanRemovesLeftovers(t *testing.T) {
	pins, _ := debiantest.PinsOfText(t, "n 2\n Breaks: o (<< 2)\n Replaces: o (<< 2)")
	for name, c := range map[string]struct{ installed, state, want string }{
		"both are there":       {"n 2\no 1", "install ok half-configured", "o:amd64 1 by n 2 at 0"},
		"the new one unpacked": {"o 1", "install ok half-configured", "o:amd64 1 by n 2 at 1"},
		"unpacked":             {"n 2\no 1", "install ok unpacked", "o:amd64 1 by n 2 at 0"},
		"on hold":              {"n 2\no 1", "hold ok unpacked", ""},
		"a newer one":          {"n 2\no 2", "install ok unpacked", ""},
		"removed":              {"n 2\no 1", "deinstall ok config-files", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status := string(debiantest.StatusOf(strings.ReplaceAll(c.installed, "n 2", "n 2\n Breaks: o (<< 2)\n Replaces: o (<< 2)")))
			before, after, _ := strings.Cut(status, "Package: o\n")
			status = before + "Package: o\n" + strings.Replace(after, "install ok installed", c.state, 1)
			req := artifact.InstallRequest{Pins: pins, Names: []string{"n"}, Architecture: "amd64", Root: t.TempDir()}
			if err := os.MkdirAll(filepath.Join(req.Root, "var/lib/dpkg"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(req.Root, statusFile), []byte(status), 0o644); err != nil {
				t.Fatal(err)
			}
			plan, err := PlanInstall(context.Background(), req)
			if err != nil {
				t.Fatal(err)
			}
			var removed []string
			for _, r := range plan.Removed {
				removed = append(removed, fmt.Sprintf("%s %s by %s at %d", r.Name, r.Version, r.By, r.Step))
			}
			if got := strings.Join(removed, ", "); got != c.want {
				t.Errorf("removes %q, want %q", got, c.want)
			}
		})
	}
}
