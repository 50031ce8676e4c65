package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/sbom"
)

const listRoot = "MINIMIRROR_BENCH_SBOM"

// BenchmarkSBOM writes the SBOM of all packages that this machine's apt knows, in a process of its own, each with two licences, one of which has a
// text of 1,000 bytes: seconds from its start to the end, the most memory that it held, and the size.
func BenchmarkSBOM(b *testing.B) {
	if root := os.Getenv(listRoot); root != "" {
		ctx := context.Background()
		ref, err := image.ParseReadable("root:" + root)
		must(b, err)
		img, err := image.OpenReader(ctx, ref, image.Options{})
		must(b, err)
		subject, err := sbom.FromReader(ctx, img, kinds.All())
		must(b, err)
		var size counter
		must(b, subject.Write(ctx, &size, sbom.Format(os.Getenv(listRoot+"_FORMAT"))))
		status, err := os.ReadFile("/proc/self/status")
		must(b, err)
		fmt.Printf("%s\nsize: %d\n", mostMemory.Find(status), size)
		return
	}
	root := b.TempDir()
	packages := hostPackages(b)
	must(b, writeListed(root, packages))
	program, err := os.Executable()
	must(b, err)
	for _, format := range sbom.Formats {
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(program, "-test.run=^$", "-test.bench=^BenchmarkSBOM$", "-test.benchtime=1x")
				cmd.Env = append(os.Environ(), listRoot+"="+root, listRoot+"_FORMAT="+string(format))
				start := time.Now()
				out, err := cmd.Output()
				must(b, err)
				b.ReportMetric(time.Since(start).Seconds(), "s/list")
				kB, err := strconv.Atoi(string(mostMemory.FindSubmatch(out)[1]))
				must(b, err)
				b.ReportMetric(float64(kB)/1000, "MB")
				b.ReportMetric(float64(len(packages)), "packages")
				b.Logf("%s", out)
			}
		})
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// writeListed writes an unpacked image whose packages state licences.
func writeListed(root string, packages []artifact.Item) error {
	w, err := sbom.NewLicenceWriter()
	if err != nil {
		return err
	}
	ref := func(i int) artifact.LicenceRef {
		text := ""
		for n := range 16 {
			sum := sha256.Sum256(fmt.Append(nil, i/2, n))
			text += hex.EncodeToString(sum[:])[:62] + "\n"
		}
		return artifact.LicenceRef{ID: fmt.Sprintf("LicenseRef-own-%d", i/2), Name: "own", Text: text}
	}
	for i := range packages {
		if err := w.Refs([]artifact.LicenceRef{ref(i)}); err != nil {
			return err
		}
	}
	for i := range packages {
		if err := w.Item(packages[i].ID(), "GPL-2.0-or-later AND "+ref(i).ID); err != nil {
			return err
		}
	}
	licences, err := w.Bytes()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(licences)
	slices.SortFunc(packages, func(x, y artifact.Item) int { return artifact.Compare(&x, &y) })
	c := &catalog.Catalog{Name: "all", Date: imagetest.Date, Lock: "sha256:" + hex.EncodeToString(sum[:]), Items: packages,
		Sources: []artifact.Source{{Kind: "debian", Name: "debian", URLs: []string{"http://ftp.debian.org/debian"}, Releases: []artifact.Release{
			{Name: "bookworm", Date: imagetest.Date, URL: "http://ftp.debian.org/debian/dists/bookworm/InRelease", SHA256: hex.EncodeToString(sum[:]), Metadata: []string{"Origin: Debian", "Codename: bookworm"}}}}},
		Files: []catalog.File{{Path: layout.LicencesName, Size: int64(len(licences)), SHA256: hex.EncodeToString(sum[:]), Modified: imagetest.Date}}}
	for i := range packages {
		for _, f := range packages[i].Files {
			c.Files = append(c.Files, catalog.File{Path: packages[i].FileID(&f), Size: f.Size, SHA256: f.SHA256})
		}
	}
	slices.SortFunc(c.Files, func(x, y catalog.File) int { return strings.Compare(x.Path, y.Path) })
	head, records, err := c.Encode()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{layout.HeadName: head, layout.RecordsName: records, layout.LicencesName: licences} {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
