// Package provenance states what an image was made from, as the predicate of SLSA provenance 1.0, and compares such a predicate with an image.
//
//	lock, programs ──Subject.Predicate──▶ signature.Signer.Attest ──▶ attached to the image ──Subject.Compare──▶ minimirror verify
package provenance

import (
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Names in the provenance of images.
const (
	buildType = "https://github.com/minimirror/minimirror/blob/main/docs/keys.md#provenance"
	builderID = "https://github.com/minimirror/minimirror"
	lockName  = "mirror.lock"
	program   = "program "   // begins the name of a program in an image; its platform follows
	running   = "minimirror" // the name of the program that built the image
)

// A Subject is what provenance is about: an image, or images for several platforms that carry the same.
type Subject struct {
	Name     string // of the definition
	Lock     string // digest of mirror.lock, "sha256:…"
	Sources  []artifact.Source
	Programs []Program // of the images
	// Part tells Compare that the image carries only the items for its own architecture: provenance of the index may list releases of sources that it does not have.
	Part bool
}

// A Program is the program in an image.
type Program struct {
	Platform string // such as "linux/amd64"
	SHA256   string
}

// A Builder is the program that built an image.
type Builder struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of its file
}

// A Predicate is one of SLSA provenance 1.0, https://slsa.dev/provenance/v1.
type Predicate struct {
	Definition struct {
		Type     string            `json:"buildType"`
		External map[string]string `json:"externalParameters"`
		Resolved []Resource        `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	Run struct {
		Builder struct {
			ID           string            `json:"id"`
			Version      map[string]string `json:"version"`
			Dependencies []Resource        `json:"builderDependencies"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// A Resource is a ResourceDescriptor of in-toto, version 1.
type Resource struct {
	Name        string            `json:"name"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func sha256Of(sum string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(sum, "sha256:")}
}

// Predicate states what the images were made from: the lock, each of upstream's releases, and the programs.
func (s *Subject) Predicate(b Builder) *Predicate {
	p := &Predicate{}
	p.Definition.Type = buildType
	p.Definition.External = map[string]string{"name": s.Name, "lock": s.Lock}
	p.Definition.Resolved = s.materials()
	p.Run.Builder.ID, p.Run.Builder.Version = builderID, map[string]string{running: b.Version}
	p.Run.Builder.Dependencies = []Resource{{Name: running, Digest: sha256Of(b.SHA256)}}
	return p
}

func (s *Subject) materials() []Resource {
	all := []Resource{{Name: lockName, Digest: sha256Of(s.Lock)}}
	for i := range s.Sources {
		source := &s.Sources[i]
		for at := range source.Releases {
			r := &source.Releases[at]
			all = append(all, Resource{Name: source.Name + " " + r.Name, URI: r.URL, Digest: sha256Of(r.SHA256),
				Annotations: map[string]string{"date": r.Date.UTC().Format(time.RFC3339), "signed-by": strings.Join(r.SignedBy, " ")}})
		}
	}
	for _, p := range s.Programs {
		all = append(all, Resource{Name: program + p.Platform, Digest: sha256Of(p.SHA256)})
	}
	return all
}
