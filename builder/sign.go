package builder

import (
	"fmt"
	"os"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/provenance"
)

// signatures signs an image or an index with each key, and says from what it was made: upstream's releases, the lock and the programs in it.
func (b *Builder) signatures(plans []*plan, image ocispec.Descriptor) (all []attached.Artifact, err error) {
	builder, err := b.running()
	if err != nil {
		return nil, err
	}
	p := plans[0]
	subject := &provenance.Subject{Name: p.lock.Name, Lock: p.digest}
	for _, p := range plans {
		if image.Platform != nil && p.architecture != "" && p.architecture != image.Platform.Architecture {
			continue
		}
		for _, source := range p.lock.Sources {
			if !slices.ContainsFunc(subject.Sources, func(s artifact.Source) bool { return s.Name == source.Name }) {
				subject.Sources = append(subject.Sources, source)
			}
		}
		for i, program := range p.programs {
			if image.Platform == nil || image.Platform.Architecture == program.Architecture {
				subject.Programs = append(subject.Programs, provenance.Program{Platform: program.Platform(), SHA256: p.entries[i].SHA256})
			}
		}
	}
	predicate := subject.Predicate(builder)
	pinned, _ := p.names()
	name, _, _ := strings.Cut(pinned, ":")
	for _, key := range b.SignImage {
		s := signature.Signer{Key: key, Name: name, Date: p.lock.Date, Image: image.Digest}
		signed, err := s.Sign()
		if err != nil {
			return nil, err
		}
		all = append(all, signed...)
		stated, err := s.Attest(signature.Provenance, predicate)
		if err != nil {
			return nil, err
		}
		all = append(all, stated...)
	}
	return all, nil
}

// running identifies the program that runs: the provenance names it, the image does not depend on it.
func (b *Builder) running() (builder provenance.Builder, err error) {
	f, err := os.Open(b.Running)
	if err != nil {
		return builder, fmt.Errorf("the program that runs, for the provenance: %w", err)
	}
	defer f.Close()
	_, sum, err := programDigest(f, b.Cache)
	if err != nil {
		return builder, fmt.Errorf("%s: %w", b.Running, err)
	}
	return provenance.Builder{Version: b.Version, SHA256: sum}, nil
}
