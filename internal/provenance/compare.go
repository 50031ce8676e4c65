package provenance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Stated is what signed provenance says of an image.
type Stated struct {
	Key  string  `json:"key"`     // file of the public key that verified it
	Type string  `json:"type"`    // buildType of the predicate
	ID   string  `json:"builder"` // of the builder
	Lock string  `json:"lock"`    // digest; empty unless Compared
	By   Builder `json:"program"` // that built the image; empty unless Compared
	// Releases are those of upstream that the provenance lists, which are those of the image.
	Releases int `json:"releases"`
	// Compared reports that minimirror build made the provenance, and that it matches the image. The meaning of other types is not known here.
	Compared bool `json:"compared"`
}

// String is a line for people.
func (s *Stated) String() string {
	if !s.Compared {
		return fmt.Sprintf("provenance with the key in %s, of the type %q, which cannot be compared with the image", s.Key, s.Type)
	}
	return fmt.Sprintf("provenance with the key in %s: built by minimirror %s (sha256 %s) from the lock %s; the lock, %s and the program match",
		s.Key, s.By.Version, s.By.SHA256, s.Lock, releases(s.Releases))
}

func releases(n int) string {
	if n == 1 {
		return "1 release of upstream"
	}
	return fmt.Sprintf("%d releases of upstream", n)
}

// Compare compares a predicate with the image. The error is artifact.ErrVerify and names what differs. Images of other platforms may be listed, too.
func (s *Subject) Compare(predicate []byte) (*Stated, error) {
	var p Predicate
	var head struct {
		Definition struct {
			Type string `json:"buildType"`
		} `json:"buildDefinition"`
		Run struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	}
	if err := json.Unmarshal(predicate, &head); err != nil {
		return nil, artifact.Verifyf("the provenance is not SLSA provenance 1.0: %w", err)
	}
	stated := &Stated{Type: head.Definition.Type, ID: head.Run.Builder.ID}
	if stated.Type != buildType {
		return stated, nil
	}
	if err := json.Unmarshal(predicate, &p); err != nil {
		return nil, artifact.Verifyf("the provenance is not as minimirror build writes it: %w", err)
	}
	for _, field := range []struct{ name, has string }{{"name", s.Name}, {"lock", s.Lock}} {
		if got := p.Definition.External[field.name]; got != field.has {
			return nil, artifact.Verifyf("the provenance does not match the image: it gives the %s %q, and the image has %q", field.name, got, field.has)
		}
	}
	if err := s.compareMaterials(p.Definition.Resolved); err != nil {
		return nil, err
	}
	stated.Compared, stated.Lock, stated.By.Version = true, s.Lock, p.Run.Builder.Version[running]
	for _, source := range s.Sources {
		stated.Releases += len(source.Releases)
	}
	for _, r := range p.Run.Builder.Dependencies {
		if r.Name == running {
			stated.By.SHA256 = r.Digest["sha256"]
		}
	}
	if !artifact.ValidSHA256(stated.By.SHA256) {
		return nil, artifact.Verifyf("the provenance does not give the SHA-256 of the program that built the image")
	}
	return stated, nil
}

// compareMaterials requires the same materials, in any order.
func (s *Subject) compareMaterials(stated []Resource) error {
	wanted := make(map[string]Resource)
	for _, r := range s.materials() {
		wanted[r.Name] = r
	}
	for _, r := range stated {
		want, found := wanted[r.Name]
		switch {
		case !found && strings.HasPrefix(r.Name, program) && len(s.Programs) > 0 && !s.isFor(strings.TrimPrefix(r.Name, program)):
			continue // of another platform's image
		case !found && s.Part && !strings.HasPrefix(r.Name, program) && !s.has(r.Name):
			continue // a release of a source that another platform's image has
		case !found:
			return artifact.Verifyf("the provenance does not match the image: it lists %q twice, or the image was not made from it", r.Name)
		case !maps.Equal(r.Digest, want.Digest):
			return artifact.Verifyf("the provenance does not match the image: it gives %q the sha256 %s, and the image has %s", r.Name, r.Digest["sha256"], want.Digest["sha256"])
		case r.URI != want.URI:
			return artifact.Verifyf("the provenance does not match the image: it gives %q the address %s, and the image has %s", r.Name, r.URI, want.URI)
		case !maps.Equal(r.Annotations, want.Annotations):
			return artifact.Verifyf("the provenance does not match the image: it says that %q has %v, and the image says %v", r.Name, r.Annotations, want.Annotations)
		}
		delete(wanted, r.Name)
	}
	for _, r := range s.materials() {
		if _, missing := wanted[r.Name]; missing {
			return artifact.Verifyf("the provenance does not match the image: it does not list %q", r.Name)
		}
	}
	return nil
}

// has reports whether a resource is the lock, or a release of a source that the image has.
func (s *Subject) has(resource string) bool {
	source, _, is := strings.Cut(resource, " ")
	return !is || slices.ContainsFunc(s.Sources, func(of artifact.Source) bool { return of.Name == source })
}

func (s *Subject) isFor(platform string) bool {
	for _, p := range s.Programs {
		if p.Platform == platform {
			return true
		}
	}
	return false
}
