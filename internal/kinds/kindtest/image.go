package kindtest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/signing"
)

// catalog shows that the image says all that the lock does, and that items are found by name.
func (m *mirror) catalog(t *testing.T) {
	c, err := m.image.FullCatalog()
	must(t, err)
	same(t, "items", m.lock.Items, c.Items)
	same(t, "sets", m.lock.Sets, c.Sets)
	if len(m.lock.Sources) != len(c.Sources) {
		t.Errorf("%d sources, want %d", len(c.Sources), len(m.lock.Sources))
	}
	r, err := image.OpenReader(t.Context(), m.reference, image.Options{})
	must(t, err)
	defer r.Close()
	must(t, r.Verify(t.Context()))
	item := m.item(t)
	found, _, err := r.Find(t.Context(), item.Kind, []string{item.Name})
	must(t, err)
	if records := found[item.Name]; len(records) != 1 {
		t.Errorf("%d items are called %s", len(records), item.Name)
	} else {
		same(t, "the item by its name", *item, records[0].Item)
	}
}

// sameImage shows that a lock always becomes the same image.
func (m *mirror) sameImage(t *testing.T) {
	ref, err := m.build(t.Context(), m.definition, t.TempDir())
	must(t, err)
	again, err := image.Open(ref)
	must(t, err)
	defer again.Close()
	if again.Digest != m.image.Digest {
		t.Errorf("two images of one lock: %s and %s", m.image.Digest, again.Digest)
	}
}

// signatures shows that upstream's keys vouch for every item, and that nobody else's do.
func (m *mirror) signatures(t *testing.T) {
	verifier, able := artifact.Able[artifact.Verifier](m.Kind)
	if !able || m.Keyring == nil {
		return
	}
	open := func(name string) (io.ReadCloser, error) { return m.image.OpenFile(name) }
	verify := func(key []byte) (artifact.Vouched, error) {
		return verifier.VerifyUpstream(context.Background(), m.pins(), []artifact.KeyFile{{Name: "keys.asc", Data: key}}, open)
	}
	vouched, err := verify(m.Keyring)
	must(t, err)
	has := map[string]bool{}
	for _, id := range vouched.Items {
		has[id] = true
	}
	for _, item := range m.items() {
		if !has[item.ID()] {
			t.Errorf("nothing vouches for %s: %q", item, vouched.Report)
		}
	}
	other, err := signing.Keys{m.key}.At(m.lock.Date, nil)
	must(t, err)
	if vouched, err := verify(other.PublicKey()); !errors.Is(err, artifact.ErrVerify) && (err != nil || len(vouched.Items) > 0) {
		t.Errorf("another key vouches for %s, %v", vouched.Items, err)
	}
}
