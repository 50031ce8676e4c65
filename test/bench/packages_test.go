package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds/debian"
	"github.com/minimirror/minimirror/internal/signing"
)

// hostPackages are the packages in this machine's own package lists, as upstream describes them, for the suite
// bookworm of the source debian whatever their own is.
func hostPackages(b *testing.B) (all []artifact.Item) {
	files, err := exec.Command("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").Output()
	must(b, err)
	known := map[string]bool{}
	for _, file := range strings.Fields(string(files)) {
		text, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", file).Output()
		must(b, err)
		for stanza := range strings.SplitSeq(string(text), "\n\n") {
			if a := hostPackage(stanza); a.Files[0].Path != "" && !known[a.Files[0].Path] {
				known[a.Files[0].Path] = true
				all = append(all, a)
			}
		}
	}
	if len(all) == 0 {
		b.Fatal("this machine has no package lists\nhint: apt-get update")
	}
	return all
}

func hostPackage(stanza string) artifact.Item {
	a := artifact.Item{Kind: "debian", Source: "debian", Files: make([]artifact.File, 1)}
	for line := range strings.SplitSeq(stanza, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Package":
			a.Name = value
		case "Version":
			a.Version = value
		case "Architecture":
			a.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {value}, "channel": {"bookworm/main"}})
		case "Filename":
			a.Files[0].Path = value
			a.Files[0].URLs = []string{"http://ftp.debian.org/debian/" + value}
		case "Size":
			a.Files[0].Size, _ = strconv.ParseInt(value, 10, 64)
		case "SHA256":
			a.Files[0].SHA256 = value
		case "MD5sum", "":
		default:
			a.Metadata = append(a.Metadata, line)
		}
	}
	return a
}

// packageTree writes an unpacked image that carries packages, but not their files. The user's own key signs it.
func packageTree(b *testing.B, packages []artifact.Item) string {
	root := b.TempDir()
	key, _, err := signing.Own(time.Now())
	must(b, err)
	signer, err := signing.Keys{key}.At(imagetest.Date, nil)
	must(b, err)
	source := artifact.Source{Kind: "debian", Name: "debian", URLs: []string{"http://ftp.debian.org/debian"}, Releases: []artifact.Release{{
		Name: "bookworm", Date: imagetest.Date, Metadata: []string{"Suite: bookworm", "Codename: bookworm", "Components: main", "Architectures: amd64"},
	}}}
	c := &catalog.Catalog{Name: "all", Date: imagetest.Date, Lock: "sha256:" + strings.Repeat("0", 64), Sources: []artifact.Source{source}, Items: slices.Clone(packages)}
	slices.SortFunc(c.Items, func(x, y artifact.Item) int { return artifact.Compare(&x, &y) })
	for _, a := range c.Items {
		c.Files = append(c.Files, catalog.File{Path: a.ID(), Size: a.Files[0].Size, SHA256: a.Files[0].SHA256})
	}
	files, err := debian.Kind{}.Publish(artifact.Pins{Date: c.Date, Sources: c.Sources, Items: c.Items}, signer)
	must(b, err)
	content := map[string][]byte{}
	for _, f := range append(files, artifact.Generated{Path: layout.KeyPath, Data: signer.PublicKey(), Modified: c.Date}) {
		data := f.Data
		if f.Link != "" {
			data = content[f.Link]
		}
		content[f.Path] = data
		sum := sha256.Sum256(data)
		c.Files = append(c.Files, catalog.File{Path: f.Path, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Modified: f.Modified})
	}
	slices.SortFunc(c.Files, func(x, y catalog.File) int { return strings.Compare(x.Path, y.Path) })
	content[layout.HeadName], content[layout.RecordsName], err = c.Encode()
	must(b, err)
	for name, data := range content {
		file := filepath.Join(root, name)
		must(b, os.MkdirAll(filepath.Dir(file), 0o755))
		must(b, os.WriteFile(file, data, 0o644))
	}
	return root
}
