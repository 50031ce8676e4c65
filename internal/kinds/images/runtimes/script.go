package runtimes

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

//go:embed install.sh
var installScript string

// Script is a script that loads images with a POSIX shell, tar and sha256sum: each for the machine's platform. title is for people.
func Script(title string, images []Image) []byte {
	var b strings.Builder
	b.WriteString(strings.Replace(installScript, "TITLE", strings.ReplaceAll(artifact.Printable(title), "\n", " "), 1))
	images = slices.Clone(images)
	slices.SortStableFunc(images, func(a, b Image) int { return cmp.Compare(a.Name(), b.Name()) })
	for len(images) > 0 {
		same := 1
		for same < len(images) && images[same].Name() == images[0].Name() {
			same++
		}
		scriptImage(&b, images[:same])
		images = images[same:]
	}
	b.WriteString("echo \"install.sh: done\"\n")
	return []byte(b.String())
}

// scriptImage writes the lines that load one of several platforms.
func scriptImage(b *strings.Builder, platforms []Image) {
	fmt.Fprintf(b, "\nfor platform in $platforms none; do\ncase $platform in\n")
	var has []string
	for n := range platforms {
		i := &platforms[n]
		if slices.Contains(has, i.Platform) {
			continue
		}
		has = append(has, i.Platform)
		fmt.Fprintf(b, "%s)\n\timage %s %s %s %s %d %s %s <<-'END'\n", quote(i.Platform), quote(strings.Join(i.Names, " ")), quote(i.Platform),
			i.Root, quote(i.MediaType), i.Files[0].Size, i.Config, i.Manifest)
		for _, f := range i.Files {
			fmt.Fprintf(b, "\t\t%s %s\n", f.Digest, f.SHA256)
		}
		b.WriteString("\tEND\n\tbreak ;;\n")
	}
	fmt.Fprintf(b, "none) die %s ;;\nesac\ndone\n", quote(platforms[0].Name()+" is not for this machine: it is carried for "+strings.Join(has, ", ")))
}

// quote quotes text as one word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
