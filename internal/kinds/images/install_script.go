package images

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

//go:embed install.sh
var installScript string

// Extra implements artifact.Installer: install.sh loads the images of the plans with a POSIX shell, tar and sha256sum, of each that for the machine's
// platform.
func (Kind) Extra(title string, plans ...*artifact.InstallPlan) map[string][]byte {
	var items []*artifact.Item
	for _, plan := range plans {
		for _, step := range plan.Steps {
			for _, item := range step {
				if !slices.ContainsFunc(items, func(other *artifact.Item) bool { return other.ID() == item.ID() }) {
					items = append(items, item)
				}
			}
		}
	}
	return map[string][]byte{scriptName: scriptOf(title, items)}
}

// scriptOf is the script for some images.
func scriptOf(title string, items []*artifact.Item) []byte {
	var b strings.Builder
	b.WriteString(strings.Replace(installScript, "TITLE", strings.ReplaceAll(artifact.Printable(title), "\n", " "), 1))
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b *artifact.Item) int { return strings.Compare(reference(a), reference(b)) })
	for len(items) > 0 {
		same := 1
		for same < len(items) && reference(items[same]) == reference(items[0]) {
			same++
		}
		scriptImage(&b, items[:same])
		items = items[same:]
	}
	b.WriteString("echo \"install.sh: done\"\n")
	return []byte(b.String())
}

// scriptImage writes what loads one image, of which the items are for several platforms.
func scriptImage(b *strings.Builder, items []*artifact.Item) {
	fmt.Fprintf(b, "\nfor platform in $platforms none; do\ncase $platform in\n")
	var has []string
	for _, i := range items {
		if slices.Contains(has, platformOf(i)) {
			continue
		}
		has = append(has, platformOf(i))
		p := partsOf(i)
		names := imageNames(i)
		config := ""
		if p.config != nil {
			config = digestOfFile(p.config)
		}
		fmt.Fprintf(b, "%s)\n\timage %s %s %s %s %d %s %s <<-'END'\n", quote(platformOf(i)), quote(strings.Join(names, " ")), quote(importPlatform(i)),
			digestOf(i), quote(typeOf(i, digestOf(i))), p.root.Size, config, manifestOf(i))
		for _, f := range p.own() {
			fmt.Fprintf(b, "\t\t%s %s\n", digestOfFile(f), f.SHA256)
		}
		b.WriteString("\tEND\n\tbreak ;;\n")
	}
	fmt.Fprintf(b, "none) die %s ;;\nesac\ndone\n", quote(reference(items[0])+" is not for this machine: it is carried for "+strings.Join(has, ", ")))
}

// quote makes one word of a shell of the text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
