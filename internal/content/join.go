package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Join makes one Source of several. Two images of one name must have the same digest; an image that several have is listed once.
func Join(all ...Source) Source {
	if len(all) == 1 {
		return all[0]
	}
	return &joined{all: all, from: map[imageKey]Source{}}
}

type imageKey struct {
	name   string
	digest digest.Digest
}

type joined struct {
	all  []Source
	from map[imageKey]Source // written by Images alone
}

func (j *joined) Images(ctx context.Context) (images []Image, err error) {
	named := map[string]digest.Digest{}
	from := map[imageKey]Source{}
	for _, s := range j.all {
		some, err := s.Images(ctx)
		if err != nil {
			return nil, err
		}
		for _, im := range some {
			if other, found := named[im.Name]; found && im.Name != "" && other != im.Digest {
				return nil, fmt.Errorf("%s: the name %q is that of another image, too: %s and %s", s, im.Name, other, im.Digest)
			}
			named[im.Name] = im.Digest
			if key := (imageKey{im.Name, im.Digest}); from[key] == nil {
				from[key] = s
				images = append(images, im)
			}
		}
	}
	j.from = from
	return images, nil
}

func (j *joined) Open(ctx context.Context, im Image, b Blob, offset int64) (io.ReadCloser, error) {
	s := j.from[imageKey{im.Name, im.Digest}]
	if s == nil {
		return nil, fmt.Errorf("%s: none of the sources lists it", im.Title())
	}
	return s.Open(ctx, im, b, offset)
}

func (j *joined) String() string {
	var names []string
	for _, s := range j.all {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}

func (j *joined) Close() error {
	var errs []error
	for _, s := range j.all {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
