package kindtest

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// sameLock shows that a lock depends on the definition and upstream alone, and is kept while both stay as they are.
func (s *suite) sameLock(t *testing.T) {
	d := s.define(t, s.own(s.Definition))
	locked, err := s.resolve(t.Context(), d)
	must(t, err)
	first, err := os.ReadFile(d.LockFile())
	must(t, err)
	again, err := s.resolve(t.Context(), d)
	must(t, err)
	if again.Changed || len(again.Changes) > 0 {
		t.Errorf("the second lock of the same has changes: %v", again.Changes)
	}
	must(t, os.Remove(d.LockFile()))
	fresh, err := s.resolve(t.Context(), s.define(t, s.own(s.Definition)))
	must(t, err)
	if data, err := fresh.Encode(); err != nil || !bytes.Equal(data, first) {
		t.Errorf("two locks of the same definition, %v: %s", err, difference(first, data))
	}
	if items := len(locked.Items); items < 2 {
		t.Errorf("the definition carries %d items, want two at least", items)
	}
	for i := range locked.Items {
		if item := &locked.Items[i]; item.Kind != s.Kind.Name() || item.Name == "" || len(item.Files) == 0 {
			t.Errorf("%+v", item)
		}
	}
}

// orderOfDefinition shows that it does not matter in which order a definition names things.
func (s *suite) orderOfDefinition(t *testing.T) {
	one, err := s.resolve(t.Context(), s.define(t, s.own(s.Definition)))
	must(t, err)
	other, err := s.resolve(t.Context(), s.define(t, s.own(s.Reordered)))
	must(t, err)
	if one.Definition == other.Definition {
		t.Error("Reordered is Definition")
	}
	other.Lock.Definition = one.Lock.Definition
	a, err := one.Encode()
	must(t, err)
	b, err := other.Encode()
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Errorf("in another order: %s", difference(a, b))
	}
}

// reservedNames shows that every route of the kind's that is not below a source is reserved, so that lock refuses what serve would.
func (s *suite) reservedNames(t *testing.T) {
	m := s.made(t, s.Definition)
	free := map[string]bool{}
	for _, source := range m.lock.Sources {
		free[source.Name] = true
	}
	if reserver, able := artifact.Able[artifact.Reserver](s.Kind); able {
		for _, name := range reserver.Reserved() {
			free[name] = true
		}
	}
	free[artifact.UpstreamRoot] = true
	for _, route := range s.Kind.Mount(&emptySite{mirror: artifact.Mirror{Pins: m.pins()}}) {
		if first, _, _ := strings.Cut(strings.TrimPrefix(route.Path, "/"), "/"); !free[first] {
			t.Errorf("the route %s is neither a source's nor reserved: see artifact.Reserver", route.Path)
		}
	}
}

func (m *mirror) pins() artifact.Pins {
	pins := artifact.Pins{Date: m.lock.Date}
	for _, source := range m.lock.Sources {
		if source.Kind == m.Kind.Name() {
			pins.Sources = append(pins.Sources, source)
		}
	}
	for _, item := range m.items() {
		pins.Items = append(pins.Items, *item)
	}
	return pins
}

// An emptySite is one that is not asked anything yet.
type emptySite struct {
	artifact.Site
	mirror artifact.Mirror
}

func (s *emptySite) Mirror() artifact.Mirror { return s.mirror }

func (s *emptySite) Open(name string) (io.ReadSeekCloser, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// same compares as JSON does, for which no list and an empty one are two things that mean the same.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	a, err := json.Marshal(want)
	must(t, err)
	b, err := json.Marshal(got)
	must(t, err)
	replace := func(text []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("null"), []byte("[]")), []byte("\n"), nil)
	}
	if !bytes.Equal(replace(a), replace(b)) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, b, a)
	}
}

// difference is where two texts begin to differ.
func difference(want, got []byte) string {
	a, b := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	const lines = 10
	part := func(text []string) string { return strings.Join(text[at:min(at+lines, len(text))], "\n") }
	return "from line " + strconv.Itoa(at+1) + " on, want:\n" + part(a) + "\ngot:\n" + part(b)
}
