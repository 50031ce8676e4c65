package debiantest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// PinsOfText makes pins of an index in the short form of StanzasOf, and all their IDs.
func PinsOfText(t testing.TB, text string) (pins artifact.Pins, ids []string) {
	t.Helper()
	usual := "amd64"
	if foreign, found := strings.CutPrefix(text, "arm64: "); found {
		text, usual = foreign, "arm64"
	}
	for _, stanza := range StanzasOf(text, usual) {
		own := make(map[string]string)
		i := artifact.Item{Kind: "debian", Source: "d"}
		for line := range strings.Lines(stanza) {
			line = strings.TrimRight(line, "\n")
			switch name, value, _ := strings.Cut(line, ": "); name {
			case "Package", "Version", "Architecture", "Filename", "Size", "SHA256":
				own[name] = value
			default:
				i.Metadata = append(i.Metadata, strings.TrimRight(line, " "))
			}
		}
		i.Name, i.Version = own["Package"], own["Version"]
		i.Attributes = artifact.Attributes{{Name: "architecture", Values: []string{own["Architecture"]}}}
		i.Files = []artifact.File{{SHA256: hexSHA256([]byte(i.Name + " " + i.Version + " " + own["Architecture"])), Path: fmt.Sprintf("pool/%s_%s_%s.deb", i.Name, i.Version, own["Architecture"])}}
		pins.Items = append(pins.Items, i)
	}
	slices.SortFunc(pins.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	for n := range pins.Items {
		ids = append(ids, pins.Items[n].ID())
	}
	return pins, ids
}

// InChannels sets an item's channels.
func InChannels(i *artifact.Item, channels ...string) {
	i.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {i.Architecture()}, "channel": channels})
}

// Without are the pins without some artifacts.
func Without(pins artifact.Pins, absent func(string) bool) artifact.Pins {
	pins.Items = slices.DeleteFunc(slices.Clone(pins.Items), func(a artifact.Item) bool { return absent(a.ID()) })
	return pins
}

// StanzasOf are the stanzas of a Packages file in the tests' short form: "NAME VERSION [ARCHITECTURE [CONTENT]]", and other fields
// in indented lines.
func StanzasOf(text, usual string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if line = strings.TrimRight(line, "\n"); strings.HasPrefix(strings.TrimLeft(line, "\t"), " ") {
			all[len(all)-1] += strings.TrimLeft(line, "\t ") + "\n"
			continue
		}
		words := append(strings.Fields(line), "", "")
		name, version, architecture, content := words[0], words[1], words[2], words[3]
		if architecture == "" {
			architecture = usual
		}
		all = append(all, fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nFilename: pool/%s_%s_%s.deb\nSize: 1000\nSHA256: %x\n",
			name, version, architecture, name, version, architecture, sha256.Sum256([]byte(name+" "+version+" "+architecture+" "+content))))
	}
	return all
}

const PhasedArchive = `
Suite: stable

Package: foo
Version: 1
Depends: foo-data

Package: foo-data
Version: 1

Package: bar
Version: 1

Suite: stable-updates

Package: foo
Version: 2
Depends: foo-data (= 2)
Phased-Update-Percentage: 30

Package: foo-data
Version: 2
Phased-Update-Percentage: 30

Package: bar
Version: 2
Phased-Update-Percentage: 100

Package: fresh
Version: 1
Phased-Update-Percentage: 0

Package: needs
Version: 1
Depends: foo (>= 2)

Package: odd
Version: 1
Phased-Update-Percentage: soon
`

// StatusOf writes a dpkg status file of installed packages, dpkg among them.
func StatusOf(installed string) []byte {
	var b strings.Builder
	for _, stanza := range append(StanzasOf(installed+"\ndpkg 1", "amd64"), "Package: gone\nVersion: 1\nArchitecture: amd64\n") {
		stanza = strings.TrimRight(stanza, "\n")
		state := "install ok installed"
		if strings.HasPrefix(stanza, "Package: gone") {
			state = "deinstall ok config-files"
		}
		b.WriteString(stanza + "\nStatus: " + state + "\n\n")
	}
	return []byte(b.String())
}
