package builder

import (
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// Names in the provenance of images.
const (
	buildType = "https://github.com/minimirror/minimirror/blob/main/docs/keys.md#provenance"
	builderID = "https://github.com/minimirror/minimirror"
)

// A provenance is the predicate of SLSA 1.0, https://slsa.dev/provenance/v1.
type provenance struct {
	Definition struct {
		Type     string            `json:"buildType"`
		External map[string]string `json:"externalParameters"`
		Resolved []resource        `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	Run struct {
		Builder struct {
			ID           string            `json:"id"`
			Version      map[string]string `json:"version"`
			Dependencies []resource        `json:"builderDependencies"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// A resource is a ResourceDescriptor of in-toto, version 1.
type resource struct {
	Name        string            `json:"name"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func sha256Of(sum string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(sum, "sha256:")}
}

// signatures signs the image, and says of what it was made: upstream's releases, the lock and the programs in it.
func (b *Builder) signatures(p *plan, image digest.Digest) ([]attached.Artifact, error) {
	pinned, _ := p.names()
	name, _, _ := strings.Cut(pinned, ":")
	s := signature.Signer{Key: b.SignImage, Name: name, Date: p.lock.Date, Image: image}
	all, err := s.Sign()
	if err != nil {
		return nil, err
	}
	made, err := s.Attest(signature.Provenance, b.provenance(p))
	return append(all, made), err
}

func (b *Builder) provenance(p *plan) *provenance {
	v := &provenance{}
	v.Definition.Type = buildType
	v.Definition.External = map[string]string{"name": p.lock.Name, "lock": p.digest}
	v.Definition.Resolved = []resource{{Name: "mirror.lock", Digest: sha256Of(p.digest)}}
	for i := range p.lock.Sources {
		s := &p.lock.Sources[i]
		for at := range s.Releases {
			r := &s.Releases[at]
			v.Definition.Resolved = append(v.Definition.Resolved, resource{Name: s.Name + " " + r.Name, URI: r.URL, Digest: sha256Of(r.SHA256),
				Annotations: map[string]string{"date": r.Date.UTC().Format("2006-01-02T15:04:05Z"), "signed-by": strings.Join(r.SignedBy, " ")}})
		}
	}
	v.Run.Builder.ID, v.Run.Builder.Version = builderID, map[string]string{"minimirror": b.Version}
	for i, program := range p.programs {
		v.Run.Builder.Dependencies = append(v.Run.Builder.Dependencies, resource{Name: "minimirror " + program.Platform(), Digest: sha256Of(p.entries[i].SHA256)})
	}
	return v
}
