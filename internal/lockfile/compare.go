package lockfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Compare finds the first difference between a lock and the lock from which an image says it was built: name, date, sources, sets and
// items. The content of proofs may be in only one of them, but their digests must not differ. The error is artifact.ErrVerify.
func (l *Lock) Compare(image *Lock) error {
	if l.Name != image.Name || !l.Date.Equal(image.Date) {
		return artifact.Verifyf("the image is of the lock of %s of %s, not of %s of %s", image.Name, image.Date.UTC().Format(time.RFC3339), l.Name, l.Date.UTC().Format(time.RFC3339))
	}
	if err := compare("source", l.Sources, image.Sources, func(s *artifact.Source) string { return s.Name }, withoutData); err != nil {
		return err
	}
	same := func(s *artifact.Set) artifact.Set { return *s }
	if err := compare("set", l.Sets, image.Sets, func(s *artifact.Set) string { return s.Name + " for " + s.Nodes() }, same); err != nil {
		return err
	}
	return compare("item", l.Items, image.Items, func(i *artifact.Item) string { return i.ID() }, func(i *artifact.Item) artifact.Item { return *i })
}

// withoutData is a source whose proofs have only digests, no content.
func withoutData(s *artifact.Source) artifact.Source {
	copied := *s
	copied.Releases = nil
	for _, r := range s.Releases {
		proofs := r.Proofs
		r.Proofs = nil
		for _, p := range proofs {
			p.Data, p.Kept = nil, false
			r.Proofs = append(r.Proofs, p)
		}
		copied.Releases = append(copied.Releases, r)
	}
	return copied
}

// compare compares two lists of named elements. of returns the value to compare.
func compare[T any](what string, lock, image []T, name func(*T) string, of func(*T) T) error {
	locked := make(map[string]*T, len(lock))
	for i := range lock {
		locked[name(&lock[i])] = &lock[i]
	}
	for i := range image {
		have, id := &image[i], name(&image[i])
		want, is := locked[id]
		if !is {
			return artifact.Verifyf("%s %s: the lock does not have it", what, id)
		}
		delete(locked, id)
		a, errA := json.Marshal(of(want))
		b, errB := json.Marshal(of(have))
		if errA != nil || errB != nil {
			return fmt.Errorf("%s %s: %w", what, id, errors.Join(errA, errB))
		}
		if string(a) != string(b) {
			return artifact.Verifyf("%s %s: the lock says otherwise", what, id)
		}
	}
	for i := range lock {
		if id := name(&lock[i]); locked[id] != nil {
			return artifact.Verifyf("%s %s: the image does not have it", what, id)
		}
	}
	return nil
}
