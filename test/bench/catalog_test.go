package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
)

const (
	catalogFiles = 60_000 // a whole distribution
	openRoot     = "MINIMIRROR_BENCH_ROOT"
)

// mostMemory finds a process's peak in proc(5)'s "status".
var mostMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// BenchmarkOpenCatalog opens an image with all that a distribution has, in a process of its
// own: seconds from its start to the end, and the most memory that it held.
func BenchmarkOpenCatalog(b *testing.B) {
	if root := os.Getenv(openRoot); root != "" {
		img, err := image.OpenRoot(root)
		must(b, err)
		status, err := os.ReadFile("/proc/self/status")
		must(b, err)
		fmt.Printf("%s\n", mostMemory.Find(status))
		must(b, img.Close())
		return
	}
	root := b.TempDir()
	head, records, err := distribution().Encode()
	must(b, err)
	must(b, os.WriteFile(filepath.Join(root, layout.HeadName), head, 0o644))
	must(b, os.WriteFile(filepath.Join(root, layout.RecordsName), records, 0o644))
	program, err := os.Executable()
	must(b, err)
	for b.Loop() {
		var times, memory []float64
		for range rounds {
			cmd := exec.Command(program, "-test.run=^$", "-test.bench=^BenchmarkOpenCatalog$", "-test.benchtime=1x")
			cmd.Env = append(os.Environ(), openRoot+"="+root)
			start := time.Now()
			out, err := cmd.Output()
			must(b, err)
			times = append(times, time.Since(start).Seconds())
			kB, err := strconv.Atoi(string(mostMemory.FindSubmatch(out)[1]))
			must(b, err)
			memory = append(memory, float64(kB)/1000)
		}
		b.ReportMetric(median(times), "s/open")
		b.ReportMetric(median(memory), "MB")
		b.ReportMetric(float64(len(head)+len(records))/1e6, "MB-of-catalog")
	}
}

func distribution() *catalog.Catalog {
	c := &catalog.Catalog{
		Name: "all", Date: imagetest.Date, Lock: "sha256:" + strings.Repeat("0", 64),
		Sources: []artifact.Source{{Kind: imagetest.Kind, Name: imagetest.Source}},
	}
	for i := range catalogFiles {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		name := fmt.Sprintf("package-with-a-name-%06d", i)
		a := artifact.Item{Kind: imagetest.Kind, Source: imagetest.Source, Name: name, Version: "1.2.3-4+deb12u1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"amd64"}}, {Name: "channel", Values: []string{"stable/main"}}}, Files: []artifact.File{{Size: int64(i), SHA256: hex.EncodeToString(sum[:]), Path: "pool/main/p/" + name + "/" + name + "_1.2.3-4+deb12u1_amd64.deb"}}}
		a.Files[0].URLs = []string{"http://mirror.example.org/files/" + a.Files[0].Path}
		for line := range 9 { // as long as Debian's paragraphs are: 600 bytes
			a.Metadata = append(a.Metadata, fmt.Sprintf("Field-%d: %s", line, strings.Repeat("what it says ", 4)))
		}
		c.Items = append(c.Items, a)
		c.Files = append(c.Files, catalog.File{Path: a.ID(), Layer: 3, Offset: int64(i) * 1024, Size: a.Files[0].Size, SHA256: a.Files[0].SHA256})
	}
	slices.SortFunc(c.Files, func(a, b catalog.File) int { return strings.Compare(a.Path, b.Path) })
	return c
}
