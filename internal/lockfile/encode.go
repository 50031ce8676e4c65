package lockfile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

func (l *Lock) sort() {
	slices.SortFunc(l.Sources, func(a, b artifact.Source) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Sets, artifact.CompareSets)
	slices.SortFunc(l.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
}

// Encode sorts the lock and returns the file's bytes. A lock that Decode would refuse is an error.
func (l *Lock) Encode() ([]byte, error) {
	l.sort()
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.encode()
}

// EncodeAlone is Encode for a lock that needs no mirror.proofs: it contains all proofs.
func (l *Lock) EncodeAlone() ([]byte, error) {
	l.sort()
	if err := l.check(); err != nil {
		return nil, err
	}
	return marshal(l.withProofs(func(p *artifact.Proof) { p.Kept = p.Kept && p.Data == nil }))
}

func (l *Lock) encode() ([]byte, error) {
	return marshal(l.withProofs(func(p *artifact.Proof) { p.Kept, p.Data = p.Kept || p.Data != nil, nil }))
}

// withProofs returns a copy of the lock with other proofs.
func (l *Lock) withProofs(change func(p *artifact.Proof)) *Lock {
	other := *l
	other.Sources = slices.Clone(l.Sources)
	for i := range other.Sources {
		s := &other.Sources[i]
		s.Releases = slices.Clone(s.Releases)
		for j := range s.Releases {
			r := &s.Releases[j]
			r.Proofs = slices.Clone(r.Proofs)
			for k := range r.Proofs {
				change(&r.Proofs[k])
			}
		}
	}
	return &other
}

// marshal writes the lock as JSON, one item at a time: a lock may have 60,000, and package json would hold three copies of its
// text at once.
func marshal(l *Lock) ([]byte, error) {
	head := *l
	head.Items = nil
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&head); err != nil {
		return nil, err
	}
	b.Truncate(b.Len() - len("null\n}\n")) // the field Items is the last
	b.Grow(sizeOf(l.Items))
	return append(appendList(b.Bytes(), l.Items, "\n  ", appendItem), "\n}\n"...), nil
}

// sizeOf estimates the length of the items' text.
func sizeOf(items []artifact.Item) (size int) {
	for i := range items {
		size += 500
		for _, line := range items[i].Metadata {
			size += len(line) + len("        \"\",\n")
		}
		for _, f := range items[i].Files {
			size += 300
			for _, u := range f.URLs {
				size += len(u)
			}
		}
	}
	return size
}

// Follow sets the lock's date and returns the file's bytes. The date is upstream's, or now if that is zero; it is moved forward if
// previous (nil: none) has other content and is not older. A lock with the same content keeps its date. digest is the digest of the
// file from which previous was read.
func (l *Lock) Follow(previous *Lock, digest string, stated, now time.Time) ([]byte, error) {
	l.Date = stated.UTC().Truncate(time.Second)
	if stated.IsZero() {
		l.Date = now.UTC().Truncate(time.Second)
	}
	if previous == nil || !stated.IsZero() && l.Date.After(previous.Date) {
		return l.Encode()
	}
	date := l.Date
	l.Date = previous.Date
	ours, err := l.Encode()
	if err != nil || Digest(ours) == digest {
		return ours, err
	}
	theirs, err := previous.encode() // the file may have another format, or another order
	if err != nil || bytes.Equal(ours, theirs) {
		return ours, err
	}
	if l.Date = previous.Date.Add(time.Second); date.After(l.Date) {
		l.Date = date
	}
	return l.encode()
}
