package dpkg

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
)

// An image is data from elsewhere: whatever its catalog says of packages, what is planned is of the image,
// and nothing of it becomes a command of the script.
func FuzzPlanInstall(f *testing.F) {
	f.Add("app", "1.0", "amd64", "pool/app_1.0_amd64.deb", "Depends: lib (>= 1)", "lib", "1:2", "pool/lib_2_all.deb", "Provides: x (= 1);Multi-Arch: foreign")
	f.Add("app", "1", "all", "a.deb", "Pre-Depends: lib\n\nPackage: evil\nVersion: 1\nArchitecture: all", "lib", "2", "l.deb", "Conflicts: dpkg")
	f.Add("app", "1", "amd64", "a.deb", "Breaks: dpkg (<< 9)", "dpkg", "9", "d.deb", "Package: other;Pre-Depends: app")
	f.Add("a'$(x)", "1", "amd64", "a b.deb", "", "lib", "2 ; rm", "$(x).deb", "")
	lines := func(text string) []string { // with what ends lines inside them, too
		return slices.DeleteFunc(strings.Split(text, ";"), func(s string) bool { return s == "" })
	}
	root := f.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg"), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), debiantest.StatusOf("lib 1"), 0o644); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, version, architecture, file, metadata, other, otherVersion, otherFile, otherMetadata string) {
		pins := artifact.Pins{Items: []artifact.Item{
			{Kind: "debian", Source: "d", Name: name, Version: version, Metadata: lines(metadata), Attributes: artifact.Attributes{{Name: "architecture", Values: []string{architecture}}}, Files: []artifact.File{{SHA256: strings.Repeat("1", 64), Path: file}}},
			{Kind: "debian", Source: "d", Name: other, Version: otherVersion, Metadata: lines(otherMetadata), Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"all"}}}, Files: []artifact.File{{SHA256: strings.Repeat("2", 64), Path: otherFile}}},
		}}
		for _, req := range []artifact.InstallRequest{
			{Set: []string{pins.Items[0].ID(), pins.Items[1].ID()}, Architecture: "amd64"},
			{Set: []string{pins.Items[0].ID()}, Root: root},
			{Names: []string{name}, Root: root},
			{Names: []string{name}, Architecture: "amd64"},
		} {
			req.Pins = pins
			plan, err := resolver.PlanInstall(context.Background(), req)
			if err != nil {
				continue
			}
			for _, a := range slices.Concat(plan.Steps...) {
				if a != &pins.Items[0] && a != &pins.Items[1] {
					t.Fatalf("%v is not of the image", a)
				}
			}
			checkScript(t, string(FolderFiles("t", plan)["install.sh"]), len(slices.Concat(plan.Steps...)))
		}
	})
}

var scriptLine = regexp.MustCompile(`^step \\$|^\t'[A-Za-z0-9._+:-]+ [A-Za-z0-9.+:~_-]+ [0-9a-f]{64} [A-Za-z0-9%_.+:~-]+'( \\)?$`)

// checkScript wants nothing but steps of so many packages in the part of the script that is made of the image.
func checkScript(t *testing.T, script string, packages int) {
	_, own, _ := strings.Cut(script, "case $(dpkg --print-architecture) in\n")
	own, _, found := strings.Cut(own, ";;\n")
	head, own, _ := strings.Cut(own, "\n")
	n := 0
	for line := range strings.Lines(own) {
		if !scriptLine.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Fatalf("%q", line)
		}
		n += strings.Count(line, "'") / 2
	}
	if head != "amd64)" || !found || n != packages {
		t.Fatalf("%q: %d packages, want %d", head, n, packages)
	}
}
