package builder

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder/buildkit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// ProgramImage is the name of the image of the program alone.
const ProgramImage = layout.LocalRegistry + "/program"

// BuildProgram makes an image of the program alone, for pods that serve an image which stays in its registry. version is its tag in container
// runtimes. The digest depends on the programs alone.
func (b *Builder) BuildProgram(ctx context.Context, version string, output image.Reference) (digest.Digest, []Program, error) {
	programs, err := b.programs(&lockfile.Lock{}, nil, output)
	if err != nil {
		return "", nil, err
	}
	entries, err := b.programEntries(programs)
	if err != nil {
		return "", nil, err
	}
	var images []buildkit.Image
	created := time.Unix(0, 0).UTC()
	for i, p := range programs {
		layer, err := tarlayer.New(entries[i : i+1])
		if err != nil {
			return "", nil, err
		}
		images = append(images, buildkit.Image{Layers: []*tarlayer.Layer{layer}, Config: ocispec.Image{
			Created:  &created,
			History:  []ocispec.History{{Created: &created, CreatedBy: "minimirror build --program-only", Comment: "program"}},
			Platform: ocispec.Platform{OS: "linux", Architecture: p.Architecture},
			Config: ocispec.ImageConfig{
				Entrypoint:   []string{"/" + layout.ProgramPath, "serve"},
				User:         "65532:65532",
				ExposedPorts: map[string]struct{}{"8080/tcp": {}},
				Labels: map[string]string{
					ocispec.AnnotationTitle:       "program",
					ocispec.AnnotationDescription: "miniMirror without data: it serves an image that stays in its registry",
				},
			},
		}})
	}
	phase := b.Progress.Phase("write "+output.String(), images[0].Layers[0].Size()*int64(len(images)))
	made, err := buildkit.Bake(ctx, buildkit.Options{
		Addr: b.BuildKit, TLS: b.TLS, Registry: b.Registry, StateDir: b.stateDir(), Image: images[0], Others: images[1:], Notes: b.Cache,
		Output: output, Names: []string{ProgramImage + ":" + version, ProgramImage + ":latest"}, Progress: phase.Set, Log: b.Log,
	})
	phase.End(err)
	return made, programs, err
}
