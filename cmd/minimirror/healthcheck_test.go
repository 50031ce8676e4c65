package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A plainKind has no ability; a probedKind can be checked.
type plainKind struct {
	artifact.Kind
	name string
}

func (k plainKind) Name() string { return k.name }

type probedKind struct {
	plainKind
	err error
}

func (k probedKind) Probe(context.Context, func(context.Context, string) ([]byte, error)) error {
	return k.err
}

// TestProbe holds that a kind which cannot be checked is named, and that one which the mirror does not carry is not asked.
func TestProbe(t *testing.T) {
	bad := errors.New("bad")
	known := []artifact.Kind{plainKind{name: "plain"}, probedKind{plainKind{name: "probed"}, nil}, probedKind{plainKind{name: "bad"}, bad}}
	for text, want := range map[string]struct {
		unprobed []string
		err      error
	}{
		`{"sources": [{"kind": "probed"}]}`:                                         {nil, nil},
		`{"sources": [{"kind": "probed"}, {"kind": "plain"}, {"kind": "unknown"}]}`: {[]string{"plain", "unknown"}, nil},
		`{"sources": [{"kind": "plain"}, {"kind": "bad"}]}`:                         {nil, bad},
	} {
		unprobed, err := probe(t.Context(), known, func(context.Context, string) ([]byte, error) { return []byte(text), nil })
		if !slices.Equal(unprobed, want.unprobed) || !errors.Is(err, want.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", text, unprobed, err, want.unprobed, want.err)
		}
	}
}
