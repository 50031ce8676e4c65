package debian

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// TestWarnOfCandidates: what a closure carries for several groups may be more than apt finds its way through by itself; the
// real apt is asked, too.
func TestWarnOfCandidates(t *testing.T) {
	key := debiantest.NewKey("k")
	suite := func(name string, fields []string, packages ...*debiantest.Package) *debiantest.Suite {
		return &debiantest.Suite{Name: name, Fields: fields, SignedBy: []*debiantest.Key{key}, Packages: packages, Architectures: []string{"amd64"}}
	}
	archive := &debiantest.Archive{Suites: []*debiantest.Suite{
		suite("main", nil, &debiantest.Package{Name: "lib", Version: "1"}, &debiantest.Package{Name: "tool", Version: "1", Fields: []string{"Depends: lib"}}),
		suite("automatic", []string{"NotAutomatic: yes", "ButAutomaticUpgrades: yes"},
			&debiantest.Package{Name: "app", Version: "2", Fields: []string{"Depends: lib (>= 2)"}}, &debiantest.Package{Name: "lib", Version: "2"}),
	}}
	server := debiantest.Start(t, archive)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.asc"), key.Armored(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ pin, packages, name, want string }{
		{"", "[tool]", "tool", ""},
		{"", "[app, tool]", "app", ""},
		{"", "[app, lib]", "app", "app 2 (all): apt does not install it by itself: needs lib (>= 2); apt takes lib 1 rather than lib 2 (priority 500, not 100)"},
		{", pin: 990", "[app, lib/main]", "app", "apt takes lib 1 rather than lib 2 (priority 500, not 100)"}, // clients know nothing of the pin
	} {
		text := "sources: [{name: d, urls: [" + server.URL + "], suites: [main, automatic], components: [main], architectures: [amd64], signed-by: key.asc" + c.pin + "}]\npackages: " + c.packages
		section, err := strictyaml.Parse("mirror.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		spec, err := Kind{}.Parse(section, nil, dir)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		r, err := Kind{}.Resolve(context.Background(), artifact.ResolveRequest{Spec: spec, Upstream: debiantest.Web{}, Now: debiantest.Today, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(log.String(), "by itself"); warned != (c.want != "") || !strings.Contains(log.String(), c.want) {
			t.Errorf("%s%s: %s", c.packages, c.pin, log.String())
		}
		root := debiantest.NewAptRoot(t, t.TempDir())
		offerPins(root, artifact.Pins{Items: r.Items})
		root.Update()
		if _, problem := root.Install(false, c.name); (problem != "") != (c.want != "") {
			t.Errorf("%s%s: apt says %q", c.packages, c.pin, problem)
		}
	}
}

// offerPins makes repositories as the mirror would serve them.
func offerPins(r *debiantest.AptRoot, pins artifact.Pins) {
	texts := map[string]*bytes.Buffer{"main": {}, "automatic": {}}
	for i := range pins.Items {
		for _, channel := range pins.Items[i].Attributes.Values("channel") {
			suite, _ := deb822.CutChannel(channel)
			deb822.WriteStanza(texts[suite], &pins.Items[i])
		}
	}
	r.AddSuite(texts["main"].Bytes(), 0)
	r.AddSuite(texts["automatic"].Bytes(), 100)
}
