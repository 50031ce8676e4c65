package broken

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// suitesOfText makes pins of suites: main has the usual priority, automatic is NotAutomatic and ButAutomaticUpgrades, manual is
// NotAutomatic alone.
func suitesOfText(t *testing.T, suites map[string]string) (pins artifact.Pins) {
	t.Helper()
	flags := map[string][]string{"automatic": {"NotAutomatic: yes", "ButAutomaticUpgrades: yes"}, "manual": {"NotAutomatic: yes"}}
	src := artifact.Source{Kind: "debian", Name: "d"}
	for _, suite := range []string{"automatic", "main", "manual"} {
		src.Releases = append(src.Releases, artifact.Release{Name: suite, Metadata: append(flags[suite], "Components: main", "Architectures: amd64")})
		part, _ := debiantest.PinsOfText(t, suites[suite])
		for _, a := range part.Items {
			a.Files[0].Size = 1
			debiantest.InChannels(&a, suite+"/main")
			if at := slices.IndexFunc(pins.Items, func(o artifact.Item) bool { return o.ID() == a.ID() }); at >= 0 {
				debiantest.InChannels(&pins.Items[at], append(pins.Items[at].Attributes.Values("channel"), suite+"/main")...)
				continue
			}
			pins.Items = append(pins.Items, a)
		}
	}
	pins.Sources = []artifact.Source{src}
	return pins
}

// addPins makes repositories as the mirror would serve them.
func addPins(r *debiantest.AptRoot, pins artifact.Pins) {
	texts := map[string][]string{}
	for i := range pins.Items {
		a := &pins.Items[i]
		for _, channel := range a.Attributes.Values("channel") {
			suite, _ := deb822.CutChannel(channel)
			texts[suite] = append(texts[suite], stanzaText(a))
		}
	}
	for suite, priority := range map[string]int{"main": 0, "automatic": 100, "manual": 1} {
		r.AddSuite([]byte(strings.Join(texts[suite], "")), priority)
	}
}

// TestBrokenByCandidates compares Broken with the real apt, which takes only the candidate of each package.
func TestBrokenByCandidates(t *testing.T) {
	const lib = "needs lib (>= 1.1); lib 1.1 is denied, and "
	for _, c := range []struct {
		name, main, automatic, manual string
		denied, requested             string
		before                        bool   // apt could not install it before either
		want                          string // as in TestBroken
	}{
		{name: "only backports are left", main: "app 1\n Depends: lib (>= 1.1)\nlib 1.1", automatic: "lib 2", denied: "lib=1.1", requested: "app"},
		{name: "only experimental is left", main: "app 1\n Depends: lib (>= 1.1)\nlib 1.1", manual: "lib 2", denied: "lib=1.1", requested: "app"},
		{name: "backports stand behind an older version", main: "app 1\n Depends: lib (>= 1.1)\nlib 1.0\nlib 1.1", automatic: "lib 2", denied: "lib=1.1", requested: "app",
			want: "app: " + lib + "apt takes lib 1.0 rather than lib 2 (priority 500, not 100)"},
		{name: "experimental stands behind backports", main: "app 1\n Depends: lib (>= 1.1)\nlib 1.1", automatic: "lib 1.0", manual: "lib 2", denied: "lib=1.1", requested: "app",
			want: "app: " + lib + "apt takes lib 1.0 rather than lib 2 (priority 100, not 1)"},
		{name: "a version that backports have, too", main: "app 1\n Depends: lib (>= 1.1)\nlib 1.0\nlib 1.1", automatic: "lib 1.1\nlib 2", denied: "lib=2", requested: "app"},
		{name: "an older version that is asked for", main: "app 1\n Depends: tool\ntool 1\n Depends: lib (<< 2)\ntool 2\nlib 1\nlib 2", denied: "tool=2", requested: "app",
			want: "app: needs tool; tool 2 is denied, and tool 1 needs lib (<< 2); apt takes lib 2 rather than lib 1"},
		{name: "an alternative", main: "app 1\n Depends: lib (>= 1.1) | other\nlib 1.0\nlib 1.1\nother 1", automatic: "lib 2", denied: "lib=1.1", requested: "app"},
		{name: "a backport whose needs are shadowed", main: "app 1\nlib 1", automatic: "app 2\n Depends: lib (>= 2)\nlib 2", denied: "app=1", requested: "app=1",
			want: "app: it is denied itself; app 2 needs lib (>= 2); apt takes lib 1 rather than lib 2 (priority 500, not 100)"},
		{name: "a backport that can take its place", main: "app 1", automatic: "app 2\n Depends: lib (>= 2)\nlib 2", denied: "app=1", requested: "app=1"},
		{name: "a lower version that takes its place", main: "app 1\napp 1.1", automatic: "app 2", denied: "app=1.1", requested: "app=1.1",
			want: "app: it is denied itself; apt takes app 1 rather than app 2 (priority 500, not 100)"},
		{name: "apt could not have it before either", main: "app 1\n Depends: lib (>= 2)\nlib 1", automatic: "lib 2", denied: "lib=1", requested: "app", before: true},
		{name: "nor by any choice", main: "app 1\n Depends: lib (>= 2)\nlib 1", automatic: "lib 2", denied: "lib=2", requested: "app", before: true,
			want: "app: needs lib (>= 2), denied"},
		{name: "a conflict", main: "app 1\n Depends: lib, tool\ntool 1\n Conflicts: lib (<< 1.1)\nlib 1.0\nlib 1.1", automatic: "lib 2", denied: "lib=1.1", requested: "app",
			want: "app: app 1 (requested) → needs tool, but tool 1 conflicts with lib 1.0, which comes from app 1 (requested) → lib 1.0; denied: lib 1.1; apt takes lib 1.0 rather than lib 2 (priority 500, not 100)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pins := suitesOfText(t, map[string]string{"main": c.main, "automatic": c.automatic, "manual": c.manual})
			for i := range pins.Items {
				a := &pins.Items[i]
				a.Requested = a.Name == c.requested || a.Name+"="+a.Version == c.requested
			}
			gone := deniedNames(pins, c.denied)
			broken, err := Find(context.Background(), pins, nil, gone)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, b := range broken {
				name, _, _ := strings.Cut(strings.TrimPrefix(b.Artifact, "d/pool/"), "_")
				lines = append(lines, name+": "+b.Reason)
			}
			if got := strings.Join(lines, "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			var set artifact.Set
			for i := range pins.Items {
				if a := &pins.Items[i]; a.Requested {
					set = artifact.Set{Name: "s", Architecture: "amd64", Requested: []string{a.ID()}, Items: []string{a.ID()}}
				}
			}
			broken, err = Find(context.Background(), pins, []artifact.Set{set}, gone)
			if err != nil || (len(broken) > 0) != (c.want != "") {
				t.Errorf("as a set: %+v, %v", broken, err)
			}
			// apt itself.
			problem := func(pins artifact.Pins) string {
				root := debiantest.NewAptRoot(t, t.TempDir())
				addPins(root, pins)
				root.Update()
				name, _, _ := strings.Cut(c.requested, "=")
				_, problem := root.Install(false, name)
				return problem
			}
			if before := problem(pins); (before != "") != c.before {
				t.Errorf("before: apt says %q", before)
			}
			after := problem(debiantest.Without(pins, gone))
			if lower := strings.Contains(c.name, "a lower version"); !lower && !c.before && (after != "") != (c.want != "") {
				t.Errorf("after: apt says %q", after)
			}
		})
	}
}

func stanzaText(a *artifact.Item) string {
	var b bytes.Buffer
	deb822.WriteStanza(&b, a)
	return b.String()
}
