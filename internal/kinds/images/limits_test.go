package images_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestTangle locks an index that lists an index 500 times, which lists an index 500 times, and so on: there are more ways to the one image than
// anybody can follow.
func TestTangle(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	d := r.Image("app", imagestest.Image{})
	for range 4 {
		d.Platform = nil
		d = r.Index("app", slices.Repeat([]v1.Descriptor{d}, 500)...)
	}
	r.Tag("app", "1", d)
	wantKeys(t, s.must(entry(r, `"app:1"`), builder.LockOptions{}), "app:1/linux/amd64")
}

// TestOutage has a server at the registry's address that answers 404 for everything, as a proxy does whose registry is being moved. The lock keeps
// the images of patterns, too.
func TestOutage(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	r.MultiImage("acme/app", "1.0", "linux/amd64")
	r.MultiImage("acme/app", "1.1", "linux/amd64")
	s.must(entry(r, `"acme/*:1.*"`), builder.LockOptions{})
	before, err := os.ReadFile(filepath.Join(s.dir, "mirror.lock"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		lie  lie
		want string
	}{
		"everything":  {about("/", http.NotFound), "no longer has this tag, nor a list of tags"},
		"a manifest":  {about("/manifests/", http.NotFound), "lists this tag, but does not have it"},
		"out of work": {about("/manifests/", status(500)), "500"},
	} {
		r.Set(imagestest.Options{Before: c.lie})
		if _, err := s.lock(entry(r, `"acme/*:1.*"`), builder.LockOptions{}); err == nil || !strings.Contains(err.Error(), "acme/app:1.") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("404 for %s: %v", name, err)
		}
		if after, err := os.ReadFile(filepath.Join(s.dir, "mirror.lock")); err != nil || string(after) != string(before) {
			t.Errorf("404 for %s: the lock has changed: %v", name, err)
		}
	}
}

// TestManyLabels keeps what a configuration says out of the lock, if it says too much.
func TestManyLabels(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	many := map[string]string{strings.Repeat("long", 1000): "name"}
	for i := range 5000 {
		many[fmt.Sprintf("label-%d", i)] = "x"
	}
	r.Tag("app", "1", r.Image("app", imagestest.Image{Labels: many}))
	labels := lines(item(t, s.must(entry(r, `"app:1"`), builder.LockOptions{}), "app:1/linux/amd64"), "Label")
	if len(labels) != 200 || len(slices.MaxFunc(labels, func(a, b string) int { return len(a) - len(b) })) > 20 {
		t.Errorf("%d labels, from %q", len(labels), labels[0])
	}
}

// TestManyTags names what is like a tag, of a repository that has too many to compare.
func TestManyTags(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	tags := make([]string, 100_000)
	for i := range tags {
		tags[i] = fmt.Sprintf("%q", strings.Repeat("x", 100)+fmt.Sprintf("%06d", i))
	}
	r.Set(imagestest.Options{Before: about("/tags/list", send("application/json", `{"name":"app","tags":[`+strings.Join(tags, ",")+`]}`))})
	s.refuses(entry(r, `"app:1"`), "does not have this tag", "and 99995 more")
}
