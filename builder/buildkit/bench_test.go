package buildkit

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// BenchmarkBake bakes 2,000 files of 270 MB in all, and prints how much longer
// that takes than tar and sha256sum over the same files: of the rebuild, how long.
func BenchmarkBake(b *testing.B) {
	const files, layers = 2000, 4
	dir := b.TempDir()
	cache := filepath.Join(dir, "cache")
	if err := os.Mkdir(cache, 0o755); err != nil {
		b.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	sizes := rand.New(rand.NewPCG(1, 2))
	groups := make([][]tarlayer.Entry, layers)
	for i := range files {
		data := make([]byte, int64(67_500*sizes.ExpFloat64()*2))
		random.Read(data)
		name := filepath.Join(cache, fmt.Sprintf("%04d.deb", i))
		if err := os.WriteFile(name, data, 0o644); err != nil {
			b.Fatal(err)
		}
		k := i * layers / files
		groups[k] = append(groups[k], tarlayer.Entry{Path: fmt.Sprintf("mirror/debian/pool/%04d.deb", i), Size: int64(len(data)),
			SHA256: digest.FromBytes(data).Encoded(), Open: func() (tarlayer.File, error) { return os.Open(name) }})
	}
	o := Options{StateDir: filepath.Join(dir, "state"), Image: Image{Config: ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}}}
	for _, entries := range groups {
		l, err := tarlayer.New(entries)
		if err != nil {
			b.Fatal(err)
		}
		o.Layers = append(o.Layers, l)
	}
	rival := func() time.Duration {
		start := time.Now()
		command := exec.Command("sh", "-c", `tar c -C "$1" . >"$2" && sha256sum "$1"/*`, "sh", cache, filepath.Join(dir, "rival.tar"))
		command.Stdout = io.Discard
		if err := command.Run(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	for _, output := range []string{"oci:", "oci-archive:", "docker-archive:"} {
		for _, again := range []bool{false, true} {
			name := output + "first"
			if again {
				name = output + "again"
			}
			b.Run(name, func(b *testing.B) {
				var ours, theirs time.Duration
				o.Notes = notes{}
				ref, err := image.ParseReference(output + filepath.Join(dir, "out-"+filepath.Base(b.Name())))
				if err != nil {
					b.Fatal(err)
				}
				o.Output, o.Names = ref, []string{"minimirror.local/bench:latest"}
				for b.Loop() {
					if !again {
						os.RemoveAll(ref.Path)
						o.Notes = notes{}
					} else if _, err := Bake(b.Context(), o); err != nil {
						b.Fatal(err)
					}
					theirs += rival()
					start := time.Now()
					if _, err := Bake(b.Context(), o); err != nil {
						b.Fatal(err)
					}
					ours += time.Since(start)
				}
				os.RemoveAll(ref.Path)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms")
				b.ReportMetric(ours.Seconds()/theirs.Seconds(), "tar+sha256sum")
			})
		}
	}
}
