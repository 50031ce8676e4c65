package images_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds/images"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
	"github.com/minimirror/minimirror/internal/transfer"
)

// locking is the kind with a Mount of its own: nothing is served here.
type locking struct{ images.Kind }

func (locking) Mount(artifact.Site) []artifact.Route { return nil }

// A site locks definitions.
type site struct {
	t     *testing.T
	dir   string // the definition's folder
	fetch *fetch.Client
	log   bytes.Buffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(t.TempDir(), "none"))
	s := &site{t: t, dir: t.TempDir()}
	s.emptyCache()
	return s
}

func (s *site) emptyCache() {
	c, err := cache.Open(s.t.TempDir())
	if err == nil {
		s.fetch, err = fetch.New(c, slog.New(slog.DiscardHandler), "test", transfer.Options{Wait: func(context.Context, time.Duration) error { return nil }})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// lock locks "images:" with these entries.
func (s *site) lock(entries string, o builder.LockOptions) (*builder.Locked, error) {
	s.t.Helper()
	text := "name: test\nimages:\n" + entries
	if err := os.WriteFile(filepath.Join(s.dir, builder.DefinitionFile), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	kinds := []artifact.Kind{locking{}}
	d, err := builder.ReadDefinition(s.dir, kinds)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log.Reset()
	locker := &builder.Locker{Kinds: kinds, Upstream: s.fetch, Now: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC), Log: slog.New(slog.NewTextHandler(&s.log, nil))}
	return locker.Lock(s.t.Context(), d, o)
}

// entry is one of a definition.
func entry(r *imagestest.Registry, take string, more ...string) string {
	return fmt.Sprintf("  - { name: registry.example.org, from: %q, take: [ %s ]%s }\n", r.URL, take, strings.Join(append([]string{""}, more...), ", "))
}

func (s *site) must(entries string, o builder.LockOptions) *builder.Locked {
	s.t.Helper()
	l, err := s.lock(entries, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

// refuses locks anew, without a cache and without a lock, and wants an error with these texts.
func (s *site) refuses(entries string, wants ...string) {
	s.t.Helper()
	s.emptyCache()
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	_, err := s.lock(entries, builder.LockOptions{})
	for _, want := range wants {
		if err == nil || !strings.Contains(err.Error(), want) {
			s.t.Errorf("%s: error %v, want %q", entries, err, want)
		}
	}
}

func keys(l *builder.Locked) (all []string) {
	for i := range l.Items {
		all = append(all, l.Items[i].Key)
	}
	slices.Sort(all)
	return all
}

func wantKeys(t *testing.T, l *builder.Locked, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := keys(l); !slices.Equal(got, want) {
		t.Errorf("items:\ngot  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func item(t *testing.T, l *builder.Locked, key string) *artifact.Item {
	t.Helper()
	for i := range l.Items {
		if l.Items[i].Key == key {
			return &l.Items[i]
		}
	}
	t.Fatalf("no item %s, but %s", key, keys(l))
	return nil
}

func lines(i *artifact.Item, key string) (all []string) {
	for _, line := range i.Metadata {
		if value, found := strings.CutPrefix(line, key+": "); found {
			all = append(all, value)
		}
	}
	return all
}

// TestFilesOfAnImage: everything of an image, byte for byte, in the order that clients read it.
func TestFilesOfAnImage(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	amd := r.Image("acme/app", imagestest.Image{Labels: map[string]string{"a": "config", "b": "config", "long": strings.Repeat("x", 5000)}, Annotations: map[string]string{"a": "manifest"}})
	arm := r.Image("acme/app", imagestest.Image{Platform: "linux/arm64/v8"})
	arm.ArtifactType = "application/x"
	text := fmt.Appendf(nil, "{ \"schemaVersion\": 2,\n \"manifests\": [ {\"mediaType\":%q, \"digest\":%q, \"size\":%d, \"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}, \"artifactType\":\"a/b\", \"unknown\":1},"+
		"{\"mediaType\":%q,\"digest\":%q,\"size\":%d,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}} ], \"x\": {} }\n\n", amd.MediaType, amd.Digest, amd.Size, arm.MediaType, arm.Digest, arm.Size)
	index := r.Tag("acme/app", "1.4", r.Manifest("acme/app", v1.MediaTypeImageIndex, text))
	l := s.must(entry(r, `"acme/app:1.4"`), builder.LockOptions{})
	wantKeys(t, l, "acme/app:1.4/linux/amd64")
	i := item(t, l, "acme/app:1.4/linux/amd64")
	var paths []string
	for _, f := range i.Files {
		paths = append(paths, f.Path)
		_, name, _ := strings.Cut(f.URLs[0], "/v2/acme/app/")
		if !strings.HasPrefix(f.URLs[0], r.URL) || strings.Replace(name, ":", "/", 1) != f.Path || len(f.URLs) != 1 {
			t.Errorf("%s is at %s", f.Path, f.URLs)
		}
		answer, err := s.fetch.Ask(t.Context(), artifact.Request{URLs: f.URLs, Want: f.Content()})
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		answer.Close()
	}
	if len(paths) != 4 || paths[0] != "manifests/sha256/"+index.Digest.Encoded() || paths[1] != "manifests/sha256/"+amd.Digest.Encoded() || !strings.HasPrefix(paths[2], "blobs/") {
		t.Errorf("files: %s", paths)
	}
	types := []string{amd.Digest.String() + " " + v1.MediaTypeImageManifest, index.Digest.String() + " " + v1.MediaTypeImageIndex}
	slices.Sort(types)
	for key, want := range map[string]string{
		"Type":    fmt.Sprint(types),
		"Absent":  fmt.Sprint([]string{arm.Digest.String() + " linux/arm64/v8"}),
		"Label":   "[a=manifest b=config]",
		"Created": "[2025-03-01T00:00:00Z]",
		"Request": "[acme/app:1.4]",
		"Options": "[platforms linux/amd64; referrers all]",
	} {
		if got := fmt.Sprint(lines(i, key)); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	if got := fmt.Sprint(i.Attributes); i.Attributes.Get("digest") != index.Digest.String() || i.Attributes.Get("manifest") != amd.Digest.String() || i.Attributes.Get("platform") != "linux/amd64" || i.Architecture() != "amd64" {
		t.Error(got)
	}
	both := s.must(entry(r, `"acme/app:1.4"`, "platforms: [ linux/arm64, linux/amd64 ]"), builder.LockOptions{})
	wantKeys(t, both, "acme/app:1.4/linux/amd64", "acme/app:1.4/linux/arm64/v8")
	if i := item(t, both, "acme/app:1.4/linux/arm64/v8"); i.Files[0].Path != paths[0] || i.Architecture() != "arm64" || len(lines(i, "Absent")) != 0 {
		t.Errorf("%+v", i)
	}
}

// TestRequests: what tags, globs, ranges and newest mean.
func TestRequests(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	for _, tag := range []string{"1.3", "1.4.0", "1.4.1", "1.10.0", "2.0.0", "latest", "v1.5.0"} {
		r.MultiImage("acme/app", tag, "linux/amd64")
	}
	r.MultiImage("acme/db", "1.4.0", "linux/amd64")
	only := r.Image("other/deep/tool", imagestest.Image{})
	r.Tag("other/deep/tool", "1", only)
	r.Chart("charts/x", "0.1.0_build.5")
	r.Chart("charts/x", "0.2.0")
	for take, want := range map[string][]string{
		`"acme/app:1.3"`:                       {"acme/app:1.3"},
		`"acme/app:1.4.*"`:                     {"acme/app:1.4.0", "acme/app:1.4.1"},
		`"acme/*:>=1.4 <2"`:                    {"acme/app:1.10.0", "acme/app:1.4.0", "acme/app:1.4.1", "acme/app:v1.5.0", "acme/db:1.4.0"},
		`"acme/app:~1.4"`:                      {"acme/app:1.4.0", "acme/app:1.4.1"},
		`{ image: "acme/app:*", newest: 2 }`:   {"acme/app:1.10.0", "acme/app:2.0.0"},
		`{ image: "acme/app:1.*", newest: 1 }`: {"acme/app:1.10.0"},
		`"**:1"`:                               {"other/deep/tool:1"},
	} {
		os.Remove(filepath.Join(s.dir, "mirror.lock"))
		for i := range want {
			want[i] += "/linux/amd64"
		}
		wantKeys(t, s.must(entry(r, take), builder.LockOptions{}), want...)
	}
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	wantKeys(t, s.must(entry(r, `"charts/x:~0.1"`), builder.LockOptions{}), "charts/x:0.1.0_build.5")
	byDigest := "other/deep/tool@" + only.Digest.String()
	l := s.must(entry(r, `"`+byDigest+`"`), builder.LockOptions{})
	wantKeys(t, l, byDigest+"/linux/amd64")
	if i := &l.Items[0]; i.Version != only.Digest.String() || i.Attributes.Get("manifest") != "" {
		t.Errorf("%+v", i)
	}
	s.refuses(entry(r, `"acme/app:9"`), "mirror.yaml:3: images: registry.example.org/acme/app:9: upstream does not have this tag", "hint: it has: ", "2.0.0")
	s.refuses(entry(r, `"acme/app:>9"`), `no tag matches "acme/app:>9"`, "hint: there are: acme/app:")
	s.refuses(entry(r, `{ image: "acme/app:late*", newest: 1 }`), "newest: counts only tags that are versions")
	s.refuses(entry(r, `"nope/*:1"`), `no repository matches "nope/*:1"`, "there are: ")
	s.refuses(entry(r, `"acme/*@`+only.Digest.String()+`"`), "a digest requires the name of a repository")
	s.refuses(entry(r, `"acme/nope:1"`), "registry.example.org/acme/nope:1: upstream does not have this tag", "skopeo list-tags")
	r.Set(imagestest.Options{NoCatalog: true})
	s.refuses(entry(r, `"acme/*:1.3"`), "the registry does not list its repositories", "name each repository in take")
}

// TestPaging reads lists that come in pages.
func TestPaging(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	var want []string
	image := r.Image("a/b", imagestest.Image{})
	for i := range 7 {
		tag := fmt.Sprintf("1.%d", i)
		r.Tag("a/b", tag, image)
		want = append(want, "a/b:"+tag+"/linux/amd64")
		r.Image(fmt.Sprintf("a/c%d", i), imagestest.Image{})
	}
	for range 5 {
		want := r.Artifact("a/b", imagestest.Artifact{Type: "application/spdx+json", Subject: &image, Annotations: map[string]string{"n": fmt.Sprint(len(r.Requests()))}})
		r.Tag("a/d", "x", want)
	}
	r.Set(imagestest.Options{PageSize: 2})
	l := s.must(entry(r, `"a/b*:*"`), builder.LockOptions{})
	wantKeys(t, l, want...)
}

// TestPrefix: a cache of registries has the images of each below a name of its own.
func TestPrefix(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	r.MultiImage("hub/acme/app", "1", "linux/amd64")
	r.MultiImage("acme/app", "1", "linux/amd64")
	r.MultiImage("other/acme/db", "1", "linux/amd64")
	l := s.must(strings.Replace(entry(r, `"acme/*:*"`), r.URL, r.URL+"/hub", 1), builder.LockOptions{})
	wantKeys(t, l, "acme/app:1/linux/amd64")
	if got := l.Items[0].Files[0].URLs[0]; !strings.HasPrefix(got, r.URL+"/v2/hub/acme/app/manifests/sha256:") {
		t.Error(got)
	}
	if again := s.must(strings.Replace(entry(r, `"acme/*:*"`), r.URL, r.URL+"/hub", 1), builder.LockOptions{}); again.Changed {
		t.Errorf("%+v", again.Changes)
	}
}

// TestPlatforms: what is for none of the wanted platforms is an error if it was named, and a warning if a pattern matched it.
func TestPlatforms(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	r.MultiImage("a", "1", "linux/amd64", "linux/arm64", "windows/amd64")
	r.MultiImage("a", "2", "linux/arm64")
	r.Tag("a", "3", r.Image("a", imagestest.Image{Platform: "linux/s390x"}))
	s.refuses(entry(r, `"a:2"`), "images: registry.example.org/a:2: the image is for none of the platforms in the definition, linux/amd64: it is for linux/arm64", "hint: add one of them")
	s.refuses(entry(r, `"a:3"`), "it is for linux/s390x")
	l := s.must(entry(r, `"a:*"`, "platforms: [ linux/amd64, linux/arm64 ]"), builder.LockOptions{})
	wantKeys(t, l, "a:1/linux/amd64", "a:1/linux/arm64", "a:2/linux/arm64")
	for _, want := range []string{"a:3", "linux/s390x", "images lack a platform in the definition", "tags=2 platforms=linux/amd64"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &s.log)
		}
	}
	s.refuses(entry(r, `"a:[23]"`), "nothing that matches")
	wantKeys(t, s.must(entry(r, `"a:1"`, "platforms: all"), builder.LockOptions{}), "a:1/linux/amd64", "a:1/linux/arm64", "a:1/windows/amd64")
}

// TestIndexes: nested ones, children without a platform, twice the same platform, Docker's lists.
func TestIndexes(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	one, two := r.Image("a", imagestest.Image{}), r.Image("a", imagestest.Image{Layers: [][]byte{[]byte("two")}})
	arm := r.Image("a", imagestest.Image{Platform: "linux/arm64"})
	inner := r.Index("a", two, arm)
	r.Tag("a", "nested", r.Index("a", one, inner))
	bare, bareArm := one, arm
	bare.Platform, bareArm.Platform = nil, nil
	r.Tag("a", "bare", r.Index("a", bare, bareArm))
	chart := r.Chart("a", "chart")
	note := r.Artifact("a", imagestest.Artifact{Type: "a/note", Layers: []imagestest.Blob{{MediaType: "a/b", Data: []byte("note")}}})
	r.Tag("a", "artifacts", r.Index("a", chart, note))
	docker := r.Image("a", imagestest.Image{Docker: true})
	r.Tag("a", "docker", r.Index("a", docker))
	l := s.must(entry(r, `"a:*"`), builder.LockOptions{})
	short := func(d v1.Descriptor) string { return "sha256-" + d.Digest.Encoded()[:12] }
	wantKeys(t, l, "a:nested/linux/amd64", "a:nested/linux/amd64/"+short(two), "a:bare/linux/amd64", "a:artifacts", "a:artifacts/"+short(note), "a:chart", "a:docker/linux/amd64")
	nested := item(t, l, "a:nested/linux/amd64/"+short(two))
	if nested.Files[1].Path != "manifests/sha256/"+inner.Digest.Encoded() || nested.Files[2].Path != "manifests/sha256/"+two.Digest.Encoded() {
		t.Errorf("%+v", nested.Files)
	}
	if got := lines(nested, "Absent"); fmt.Sprint(got) != "["+arm.Digest.String()+" linux/arm64]" {
		t.Errorf("absent: %s", got)
	}
	if got := lines(item(t, l, "a:bare/linux/amd64"), "Absent"); fmt.Sprint(got) != "["+arm.Digest.String()+" linux/arm64]" {
		t.Errorf("absent: %s", got)
	}
	if got := lines(item(t, l, "a:chart"), "Media"); fmt.Sprint(got) != "[application/vnd.cncf.helm.config.v1+json]" {
		t.Errorf("media: %s", got)
	}
	if got := lines(item(t, l, "a:docker/linux/amd64"), "Type"); !strings.Contains(fmt.Sprint(got), imagestest.DockerList) {
		t.Errorf("types: %s", got)
	}
	deep := one
	for range 6 {
		deep = r.Index("a", deep)
	}
	r.Tag("a", "deep", deep)
	s.refuses(entry(r, `"a:deep"`), "registry.example.org/a:deep: ", "indexes in indexes")
	r.Tag("a", "empty", r.Index("a"))
	s.refuses(entry(r, `"a:empty"`), "the index lists no manifests")
}

// TestOddContent: sha512 digests, blobs of no size, layers that are elsewhere, sizes that differ.
func TestOddContent(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	r.Algorithm = "sha512"
	strong := r.Tag("a", "sha512", r.Index("a", r.Image("a", imagestest.Image{Layers: [][]byte{{}, []byte("x")}})))
	l := s.must(entry(r, `"a:sha512"`), builder.LockOptions{})
	i := item(t, l, "a:sha512/linux/amd64")
	if i.Attributes.Get("digest") != strong.Digest.String() || i.Files[0].Path != "manifests/sha512/"+strong.Digest.Encoded() || !artifact.ValidSHA256(i.Files[0].SHA256) {
		t.Errorf("%+v", i)
	}
	empty := slices.IndexFunc(i.Files, func(f artifact.File) bool { return f.Size == 0 })
	if empty < 0 || i.Files[empty].SHA256 != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("%+v", i.Files)
	}
	r.Algorithm = ""
	manifest := func(size int64, urls string) v1.Descriptor {
		config := r.Blob("a", v1.MediaTypeImageConfig, []byte(`{"os":"linux","architecture":"amd64"}`))
		layer := r.Blob("a", v1.MediaTypeImageLayer, []byte("layer"))
		return r.Manifest("a", v1.MediaTypeImageManifest, fmt.Appendf(nil, `{"schemaVersion":2,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":"a/b","digest":%q,"size":%d%s}]}`,
			config.MediaType, config.Digest, config.Size, layer.Digest, size, urls))
	}
	r.Tag("a", "foreign", manifest(5, `,"urls":["https://layers.example.org/x","file:///etc/passwd","https://layers.example.org/x"]`))
	i = item(t, s.must(entry(r, `"a:foreign"`), builder.LockOptions{}), "a:foreign/linux/amd64")
	if f := i.Files[2]; len(f.URLs) != 2 || f.URLs[1] != "https://layers.example.org/x" {
		t.Errorf("%s", f.URLs)
	}
	r.Tag("a", "five", manifest(5, ""))
	r.Tag("a", "six", manifest(6, ""))
	s.refuses(entry(r, `"a:five", "a:six"`), "registry.example.org/a:six states a size of 6 bytes for blobs/sha256/", "registry.example.org/a:five states 5")
}

// TestLockIsStable: the same lock again, in another order, without HEAD, without digests in headers, from another cache.
func TestLockIsStable(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	key, _ := imagestest.NewKey(t)
	for _, name := range []string{"a/x", "b/x"} {
		index := r.MultiImage(name, "1.0", "linux/amd64", "linux/arm64")
		r.Tag(name, "1.1", index)
		r.Tag(name, "2", r.Image(name, imagestest.Image{Layers: [][]byte{[]byte("shared")}}))
		r.Sign(name, index, key, imagestest.Tagged)
		r.Sign(name, index, key, imagestest.Bundle)
		r.SBOM(name, index)
	}
	text := func() string {
		data, err := os.ReadFile(filepath.Join(s.dir, "mirror.lock"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data[bytes.Index(data, []byte(`"sources"`)):])
	}
	const some = `"a/*:1.*", "b/x:2", "a/x:2", "b/x:1.0"`
	s.must(entry(r, some), builder.LockOptions{})
	first := text()
	if l := s.must(entry(r, some), builder.LockOptions{}); l.Changed || len(l.Changes) > 0 {
		t.Errorf("a second lock changes %+v", l.Changes)
	}
	for name, o := range map[string]imagestest.Options{"as before": {}, "no HEAD": {NoHead: true}, "no digest": {NoDigestHeader: true}, "neither, and pages": {NoHead: true, NoDigestHeader: true, PageSize: 1}, "tags for referrers": {NoReferrers: true}} {
		r.Set(o)
		os.Remove(filepath.Join(s.dir, "mirror.lock"))
		s.emptyCache()
		s.must(entry(r, `"b/x:1.0", "a/x:2", "b/x:2", "a/*:1.*"`), builder.LockOptions{})
		if again := text(); again != first {
			t.Errorf("%s: another lock:\n%s\n%s", name, first, again)
		}
	}
	shared := 0
	for line := range strings.Lines(first) {
		if strings.Contains(line, r.URL+"/v2/b/x/blobs/") {
			shared++
		}
	}
	if shared == 0 {
		t.Error("no blob is at the second repository alone")
	}
}

// TestUpdateOne: an update may name one image, with or without its registry and its tag, and no other moves.
func TestUpdateOne(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	for _, name := range []string{"acme/a", "acme/b"} {
		for _, tag := range []string{"1.0", "1.1", "latest"} {
			r.Tag(name, tag, r.Image(name, imagestest.Image{}))
		}
	}
	const take = `"acme/*:>=1 <2", "acme/a:latest", "acme/b:latest"`
	first := s.must(entry(r, take), builder.LockOptions{})
	for _, name := range []string{"acme/a", "acme/b", "acme/c"} {
		for _, tag := range []string{"1.0", "1.1", "1.2", "latest"} {
			r.Tag(name, tag, r.Image(name, imagestest.Image{Layers: [][]byte{[]byte("new")}}))
		}
	}
	for only, want := range map[string]string{
		"acme/a:latest":                               "acme/a:latest",
		"registry.example.org/acme/a:latest":          "acme/a:latest",
		"registry.example.org/acme/a:1.0":             "acme/a:1.0",
		"*/acme/a:1.?":                                "acme/a:1.0 acme/a:1.1",
		"acme/a":                                      "acme/a:1.0 acme/a:1.1 acme/a:1.2 acme/a:latest",
		"registry.example.org/acme/a":                 "acme/a:1.0 acme/a:1.1 acme/a:1.2 acme/a:latest",
		"registry.example.org/acme/[ab]:1.1":          "acme/a:1.1 acme/b:1.1",
		"registry.example.org/acme/a:none":            "nothing called",
		"other.example.org/acme/a:latest":             "nothing called",
		item(t, first, "acme/b:1.0/linux/amd64").ID(): "nothing called",
		item(t, first, "acme/b:1.0/linux/amd64").Attributes.Get("digest"): "acme/b:1.0 acme/b:1.1 acme/b:latest", // all had this digest
	} {
		locked, err := s.lock(entry(r, take), builder.LockOptions{Update: true, Only: []string{only}, DryRun: true})
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", only, err)
			}
			continue
		}
		var moved []string
		for i := range locked.Lock.Items {
			now := &locked.Lock.Items[i]
			before := ""
			for j := range first.Lock.Items {
				if first.Lock.Items[j].Key == now.Key {
					before = first.Lock.Items[j].Attributes.Get("digest")
				}
			}
			if before != now.Attributes.Get("digest") {
				moved = append(moved, now.Key)
			}
		}
		if got := strings.ReplaceAll(strings.Join(moved, " "), "/linux/amd64", ""); got != want {
			t.Errorf("%s: %s moved, want %s", only, got, want)
		}
	}
}

// TestUpdates: what is locked stays, unless it may move or upstream has lost it.
func TestUpdates(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	for _, name := range []string{"a", "b"} {
		r.MultiImage(name, "1.0", "linux/amd64")
		r.Tag(name, "latest", r.Image(name, imagestest.Image{}))
	}
	const take = `"*:>=1 <2", "a:latest", "b:latest"`
	first := s.must(entry(r, take), builder.LockOptions{})
	old := item(t, first, "a:latest/linux/amd64").Attributes.Get("digest")
	for _, name := range []string{"a", "b", "c"} {
		r.MultiImage(name, "1.1", "linux/amd64")
		r.Tag(name, "latest", r.Image(name, imagestest.Image{Layers: [][]byte{[]byte("new")}}))
	}
	r.Reset()
	kept := s.must(entry(r, take), builder.LockOptions{})
	if kept.Changed {
		t.Errorf("the lock changes: %+v", kept.Changes)
	}
	if requests := r.Requests(); len(requests) != 4 || r.Count("HEAD /v2/a/manifests/sha256:") != 2 {
		t.Errorf("to keep two images of each repository: %s", requests)
	}
	partly := s.must(entry(r, take), builder.LockOptions{Update: true, Only: []string{"a"}, DryRun: true})
	wantKeys(t, partly, "a:1.0/linux/amd64", "a:1.1/linux/amd64", "a:latest/linux/amd64", "b:1.0/linux/amd64", "b:latest/linux/amd64")
	if item(t, partly, "a:latest/linux/amd64").Attributes.Get("digest") == old || item(t, partly, "b:latest/linux/amd64").Attributes.Get("digest") != item(t, first, "b:latest/linux/amd64").Attributes.Get("digest") {
		t.Error("a must move, and b must not")
	}
	more := s.must(entry(r, take+`, "a:1.1"`), builder.LockOptions{DryRun: true})
	wantKeys(t, more, "a:1.0/linux/amd64", "a:1.1/linux/amd64", "a:latest/linux/amd64", "b:1.0/linux/amd64", "b:latest/linux/amd64")
	all := s.must(entry(r, take), builder.LockOptions{Update: true, DryRun: true})
	wantKeys(t, all, "a:1.0/linux/amd64", "a:1.1/linux/amd64", "a:latest/linux/amd64", "b:1.0/linux/amd64", "b:1.1/linux/amd64", "b:latest/linux/amd64", "c:1.1/linux/amd64")
	platforms := s.must(entry(r, take, "platforms: all"), builder.LockOptions{DryRun: true})
	if item(t, platforms, "a:latest/linux/amd64").Attributes.Get("digest") != old {
		t.Error("the definition wants other platforms, and the tag moves")
	}
	r.Remove("a", old)
	r.Remove("b", string(r.Tag("b", "gone", v1.Descriptor{Digest: "sha256:x"}).Digest))
	lost := s.must(entry(r, take), builder.LockOptions{DryRun: true})
	if item(t, lost, "a:latest/linux/amd64").Attributes.Get("digest") == old || !strings.Contains(s.log.String(), "no longer has the locked digest") {
		t.Errorf("a digest that upstream has lost: %s", &s.log)
	}
	r.Remove("b", item(t, first, "b:1.0/linux/amd64").Attributes.Get("digest"))
	lost = s.must(entry(r, take), builder.LockOptions{DryRun: true})
	wantKeys(t, lost, "a:1.0/linux/amd64", "a:latest/linux/amd64", "b:latest/linux/amd64")
	if !strings.Contains(s.log.String(), "no longer has the tag") || !strings.Contains(s.log.String(), "registry.example.org/b:1.0") {
		t.Errorf("a tag that upstream has lost: %s", &s.log)
	}
}

// TestFewRequests counts what a large lock asks for, and what the next one does.
func TestFewRequests(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	const tags = 40
	platforms := []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"}
	for i := range tags {
		r.MultiImage("app", fmt.Sprintf("1.%d", i), platforms...)
	}
	s.must(entry(r, `"app:1.*"`, "platforms: [ "+strings.Join(platforms, ", ")+" ]"), builder.LockOptions{})
	// Of each tag: HEAD; GET of the index, of its manifests and their configurations; what is attached to the index and to each manifest. One list of tags.
	if got, want := len(r.Requests()), 1+tags*(1+1+4+4+5); got != want {
		t.Errorf("%d requests for %d tags of 4 platforms, want %d", got, tags, want)
	}
	r.Reset()
	s.emptyCache()
	s.must(entry(r, `"app:1.*"`, "platforms: [ "+strings.Join(platforms, ", ")+" ]"), builder.LockOptions{})
	if got := len(r.Requests()); got != tags || r.Count("HEAD ") != tags {
		t.Errorf("%d requests to lock it again, want a HEAD of each of %d tags", got, tags)
	}
	r.Reset()
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	r.Set(imagestest.Options{NoReferrers: true})
	s.emptyCache()
	s.must(entry(r, `"app:1.*"`, "platforms: [ "+strings.Join(platforms, ", ")+" ]"), builder.LockOptions{})
	if got := r.Count("/referrers/"); got > 9 { // of each that is read at the same time, and once of a manifest that nobody has
		t.Errorf("%d requests for referrers to a registry that does not know them", got)
	}
}
