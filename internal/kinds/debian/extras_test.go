package debian_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian"
)

func TestExtras(t *testing.T) {
	const text = "Suite: bookworm\nSources: yes\nLanguages: en de\nContents: yes\nCommands: yes\nAppStream: yes\nInstaller: yes\nCompressions: none gz\n\n" +
		"Package: app\nSource: suite\nFile: usr/bin/app\n\nPackage: lib\nSource: suite\n\nPackage: tool\nPackage-Type: udeb\n\nPackage: tool2\nPackage-Type: udeb\n"
	l, err := lockArchive(t, parseArchive(t, text), ", sources: true, translations: [en, de], contents: true, commands: true, appstream: true, udebs: true, installer: [netboot]", "[app, lib]")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range (debian.Kind{}).Extras(l.pins) {
		if x.Source != "d" || x.Size <= 0 {
			t.Errorf("%+v", x)
		}
		got = append(got, fmt.Sprintf("%s %d", x.Name, x.Files))
	}
	want := []string{"source packages 2", "packages of the installer 2", "images of the installer 2", "upstream's indexes for sources 1", "upstream's indexes for translations 2",
		"upstream's indexes for contents 1", "upstream's indexes for commands 1", "upstream's indexes for appstream 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if l, err = lockArchive(t, parseArchive(t, text), "", "[app]"); err != nil {
		t.Fatal(err)
	}
	if extras := (debian.Kind{}).Extras(l.pins); len(extras) != 0 {
		t.Errorf("without options: %+v", extras)
	}
}
