package diff

import (
	"context"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/placement"
)

// A Side is an image or a lock to compare.
type Side struct {
	Reference string // as the user wrote it
	IsImage   bool
	Digest    string           // of an image
	Catalog   *catalog.Catalog // in full; without Files for a lock

	layers   []sideLayer
	noLayers string // why there are none
	systems  map[string]string
	among    string // platforms, if it is one of several images
	platform string

	lock   *lockfile.Lock // of a lock
	placed []placement.Layer
}

// FromImage reads an image's catalog.
func FromImage(ctx context.Context, reference string, r *image.Reader) (*Side, error) {
	listed, err := r.Load(ctx)
	if err != nil {
		return nil, err
	}
	if listed.Unused, err = r.Unused(ctx); err != nil {
		return nil, err
	}
	s := newSide(reference, listed)
	s.IsImage, s.Digest, s.platform, s.among = true, r.Digest, r.Platform(), strings.Join(r.Platforms(), ", ")
	if infos := r.LayerInfos(); infos == nil {
		s.noLayers = "it is unpacked and has no layers"
	} else {
		s.layers = imageLayers(infos, listed)
	}
	return s, nil
}

// FromLock takes a lock, the digest of its file, and the layers that the file beside it describes; nil: there is no such file.
func FromLock(reference string, l *lockfile.Lock, digest string, layers []placement.Layer) *Side {
	s := newSide(reference, &catalog.Catalog{Name: l.Name, Date: l.Date, Lock: digest, Sources: l.Sources, Sets: l.Sets, Items: l.Items})
	switch missing := missingFile(l, layers); {
	case layers == nil:
		s.noLayers = "it is a lock without a mirror.layers"
	case missing != "":
		s.noLayers = fmt.Sprintf("it is a lock, and the mirror.layers beside it is of an earlier image, without %s", missing)
	default:
		s.layers = lockLayers(l, layers)
	}
	s.lock, s.placed = l, layers
	return s
}

// like is the side as the other one is: the part of a lock that machines of an architecture may need, if the other is an image that carries no more.
func (s *Side) like(other *Side, kinds []artifact.Kind) *Side {
	architecture := other.Catalog.Architecture
	if s.IsImage || !other.IsImage || architecture == "" {
		return s
	}
	var layers []placement.Layer
	for _, l := range s.placed {
		if l.Architecture == "" || l.Architecture == architecture {
			layers = append(layers, l)
		}
	}
	part := FromLock(s.Reference, s.lock.ForArchitecture(kinds, architecture), s.Catalog.Lock, layers)
	part.Catalog.Architecture = architecture
	return part
}

func newSide(reference string, c *catalog.Catalog) *Side {
	s := &Side{Reference: reference, Catalog: c, systems: make(map[string]string, len(c.Sources))}
	for i := range c.Sources {
		s.systems[c.Sources[i].Name] = c.Sources[i].System
	}
	return s
}

func (s *Side) about() About {
	c := s.Catalog
	a := About{Type: "lock", Reference: s.Reference, Name: c.Name, Digest: s.Digest, Lock: c.Lock, Date: c.Date, Items: len(c.Items)}
	if s.IsImage {
		a.Type = "image"
	}
	counted := make(map[string]bool, len(c.Items))
	s.eachFile(func(id string, f *artifact.File) {
		if !counted[id] {
			counted[id] = true
			a.Size += f.Size
		}
	})
	return a
}

// eachFile calls take for each file of each item.
func (s *Side) eachFile(take func(id string, f *artifact.File)) {
	for i := range s.Catalog.Items {
		item := &s.Catalog.Items[i]
		for f := range item.Files {
			take(item.FileID(&item.Files[f]), &item.Files[f])
		}
	}
}
