package images

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

// TestDenied shows that a denied image is refused with the reason, is in no list, and takes along only blobs that no other image of its
// repository has.
func TestDenied(t *testing.T) {
	m := newExample(t)
	s := m.serve(t, `deny: { image: "registry.example.org/acme/app", tag: "1.4", reason: policy 4.2 }`)
	own := func(d v1.Descriptor) string {
		var manifest v1.Manifest
		noError(t, json.Unmarshal(m.r.Content("acme/app", string(d.Digest)), &manifest))
		return string(manifest.Layers[len(manifest.Layers)-1].Digest)
	}
	for path, status := range map[string]int{
		"manifests/1.4":                           403,
		"manifests/" + string(m.app.Digest):       403,
		"manifests/" + string(m.child.Digest):     403,
		"manifests/" + string(m.sbom.Digest):      403,
		"manifests/" + signatureTag(m.app):        403,
		"blobs/" + own(m.child):                   403,
		"referrers/" + string(m.app.Digest):       403,
		"blobs/" + string(m.base.Digest):          200, // 1.5 has it, too
		"manifests/1.5":                           200,
		"tags/list":                               200,
		"manifests/1.6":                           404,
		"blobs/sha256:" + strings.Repeat("0", 64): 404,
	} {
		for _, target := range []string{v2("%sacme/app/%s", host, path), v2("acme/app/%s?ns=registry.example.org", path)} {
			a := s.ask(target)
			if a.StatusCode != status {
				t.Errorf("%s: %d, want %d: %s", target, a.StatusCode, status, a.body)
			}
			if status != 403 {
				continue
			}
			a.fails(t, target, 403, "DENIED", "policy 4.2", "rules.yaml:2")
			r := s.last()
			if r.Verdict != audit.Denied || r.Name != "acme/app" || r.Version != "1.4" || r.Reason != "policy 4.2" || !strings.HasPrefix(r.Artifact, "registry.example.org/acme/app:1.4/linux/") {
				t.Errorf("the audit trail of %s: %+v", target, r)
			}
			if head := s.ask("HEAD " + target); head.StatusCode != 403 || s.last().Verdict != audit.Denied {
				t.Errorf("HEAD %s: %d, %s", target, head.StatusCode, s.last().Verdict)
			}
		}
	}
	if tags, _ := s.pages(v2(host+"acme/app/tags/list"), "tags"); !slices.Equal(tags, []string{"1.5", "Latest"}) {
		t.Errorf("tags: %q", tags)
	}
	// The image of the same name of another registry is another.
	if a := s.ask(v2("acme/app/manifests/1.4?ns=registry.example.org:5000")); a.StatusCode != 200 {
		t.Errorf("another registry's: %d", a.StatusCode)
	}
}

// TestCaches shows that caches ask each time if there are rules, because these may deny an image tomorrow; if nothing has changed, the image is not
// sent again.
func TestCaches(t *testing.T) {
	m := newExample(t)
	with, without := m.serve(t, `deny: { image: nginx }`), m.serve(t)
	for _, path := range []string{v2("%sacme/app/manifests/%s", host, m.app.Digest), v2("%sacme/app/blobs/%s", host, m.base.Digest)} {
		if kept := without.ask(path).Header.Get("Cache-Control"); kept != "public, max-age=31536000, immutable" {
			t.Errorf("without rules: %s: %s", path, kept)
		}
		for _, header := range []string{"X: y", "Range: bytes=0-5"} {
			if kept := with.ask(path, header).Header.Get("Cache-Control"); kept != "no-cache" {
				t.Errorf("with rules: %s: %s", path, kept)
			}
		}
		current := "If-None-Match: " + with.ask(path).Header.Get("Etag")
		if a := with.ask(path, current); a.StatusCode != http.StatusNotModified || a.body != "" {
			t.Errorf("what a cache has: %s: %d", path, a.StatusCode)
		}
		with.reload(`deny: { image: acme/app }`)
		if a := with.ask(path, current); a.StatusCode != http.StatusForbidden {
			t.Errorf("denied since: %s: %d", path, a.StatusCode)
		}
		with.reload(`deny: { image: nginx }`)
	}
}

// TestDeniedPlatform shows that an index is there for the platforms that are allowed, and that lists have what belongs to these.
func TestDeniedPlatform(t *testing.T) {
	m := newExample(t)
	s := m.serve(t, `deny: { platform: linux/arm64 }`)
	for path, status := range map[string]int{
		"manifests/1.4":                           200,
		"manifests/" + string(m.app.Digest):       200,
		"manifests/" + string(m.child.Digest):     403,
		"manifests/" + string(m.childSBOM.Digest): 403,
		"referrers/" + string(m.child.Digest):     403,
		"referrers/" + string(m.app.Digest):       200,
	} {
		if a := s.ask(v2("%sacme/app/%s", host, path)); a.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, status)
		}
	}
	s = m.serve(t, `deny: { registry: "registry.example.org", reason: not here }`, `deny: { image: nginx }`)
	if names, _ := s.pages(v2("_catalog"), "repositories"); !slices.Equal(names, []string{"registry.example.org_5000/acme/app", "registry.example.org_5000/acme/huge"}) {
		t.Errorf("repositories: %q", names)
	}
	s.ask(v2(host+"acme/app/tags/list")).fails(t, "tags", 403, "DENIED", "not here")
	// A digest stays denied under each of its names.
	s = m.serve(t, fmt.Sprintf("deny: { digest: %q }", m.app5.Digest))
	for _, path := range []string{"manifests/1.5", "manifests/Latest", "manifests/" + string(m.app5.Digest)} {
		if a := s.ask(v2("%sacme/app/%s", host, path)); a.StatusCode != 403 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

// TestAudit shows what the trail says of images that are not carried, whatever names the registry.
func TestAudit(t *testing.T) {
	m := newExample(t)
	s := m.serve(t)
	digest := "sha256:" + strings.Repeat("0", 64)
	for path, want := range map[string][2]string{
		"acme/app/manifests/9?ns=registry.example.org":           {"registry.example.org/acme/app", "9"},
		"acme/app/manifests/9?ns=registry.example.org:5000":      {"registry.example.org_5000/acme/app", "9"},
		"registry.example.org/acme/app/manifests/9":              {"registry.example.org/acme/app", "9"},
		"registry.example.org_5000/acme/app/manifests/9":         {"registry.example.org_5000/acme/app", "9"},
		"other.example.org/x/y/manifests/" + digest:              {"other.example.org/x/y", digest},
		"busybox/manifests/1.36":                                 {"docker.io/library/busybox", "1.36"},
		"library/busybox/manifests/1.36?ns=registry-1.docker.io": {"docker.io/library/busybox", "1.36"},
		"other.example.org/x/tags/list":                          {"other.example.org/x", ""},
		"registry.example.org/acme/app/manifests/bad%20tag":      {"registry.example.org/acme/app", ""},
		"other.example.org/%1b/manifests/1":                      {"", ""},
	} {
		for _, method := range []string{"GET ", "HEAD "} {
			s.ask(method + prefix + path)
			if r := s.last(); r.Verdict != audit.Missing || r.Kind != "images" || r.Name != want[0] || r.Version != want[1] || r.Artifact != "" || r.Status != 404 {
				t.Errorf("%s%s: %+v", method, path, r)
			}
		}
	}
	for path, verdict := range map[string]audit.Verdict{
		"": audit.Metadata, "_catalog": audit.Metadata, host + "acme/app/tags/list": audit.Metadata, host + "acme/app/referrers/" + digest: audit.Metadata,
		host + "acme/app/manifests/1.4": audit.Allowed, host + "acme/app/blobs/" + string(m.base.Digest): audit.Allowed,
	} {
		s.ask(prefix + path)
		if r := s.last(); r.Verdict != verdict || r.Kind != "images" {
			t.Errorf("%s: %+v", path, r)
		}
	}
}

// A policy is rules, and what they say.
type policy struct {
	rules  []string
	denies func(i *artifact.Item) bool
}

var policies = []policy{
	{nil, func(*artifact.Item) bool { return false }},
	{[]string{`deny: { tag: ["1.4", "1.25"] }`}, func(i *artifact.Item) bool { return i.Version == "1.4" || i.Version == "1.25" }},
	{[]string{`deny: { platform: linux/amd64 }`}, func(i *artifact.Item) bool { return i.Attributes.Get("platform") == "linux/amd64" }},
	{[]string{`deny: { image: acme/app, version: ">1.4" }`, `deny: { image: "docker.io/**" }`}, func(i *artifact.Item) bool {
		return i.Name == "acme/app" && i.Version == "1.5" || i.Source == "docker.io"
	}},
	{[]string{`deny: { registry: "registry.example.org:5000", client: 192.0.2.0/24 }`}, func(i *artifact.Item) bool { return i.Source == "registry.example.org_5000" }},
	{[]string{`deny: { image: "*" }`}, func(*artifact.Item) bool { return true }},
}

// TestModel compares answers to random requests with what follows from the list of items alone.
func TestModel(t *testing.T) {
	m := newExample(t)
	digests := map[string]bool{"sha256:" + strings.Repeat("1", 64): true}
	tags := map[string]bool{"1": true, "none": true}
	repositories := map[string]bool{"acme/none": true}
	sources := []string{"registry.example.org", "registry.example.org_5000", "docker.io", "none.example.org"}
	for i := range m.image.Catalog.Items {
		item := &m.image.Catalog.Items[i]
		tags[item.Version], repositories[item.Name] = true, true
		for _, f := range item.Files {
			_, digest, _ := parseFilePath(f.Path)
			digests[digest] = true
		}
	}
	tags[signatureTag(m.app)] = true
	references := append(sorted(digests), sorted(tags)...)
	names := sorted(repositories)
	random := rand.New(rand.NewPCG(1, 2))
	for n, p := range policies {
		s := m.serve(t, p.rules...)
		for range 1500 {
			source, name, reference := sources[random.IntN(len(sources))], names[random.IntN(len(names))], references[random.IntN(len(references))]
			call := []string{"manifests", "blobs"}[random.IntN(2)]
			target := v2("%s/%s/%s/%s", source, name, call, reference)
			if random.IntN(2) == 0 {
				target = v2("%s/%s/%s?ns=%s", name, call, reference, registryName(source))
			}
			// What the items say.
			has, may := false, false
			for i := range m.image.Catalog.Items {
				item := &m.image.Catalog.Items[i]
				if item.Source != source || item.Name != name || !itemAnswers(item, call, reference, signatureTag(m.app), string(m.app.Digest)) {
					continue
				}
				has, may = true, may || !p.denies(item)
			}
			want := http.StatusNotFound
			switch {
			case may:
				want = http.StatusOK
			case has:
				want = http.StatusForbidden
			}
			a := s.ask([]string{"GET ", "HEAD "}[random.IntN(2)] + target)
			if a.StatusCode != want {
				t.Fatalf("policy %d: %s: %d, want %d", n, target, a.StatusCode, want)
			}
			if digest := a.Header.Get("Docker-Content-Digest"); want == http.StatusOK {
				// A tag never leads to what then is not there.
				if again := s.ask(v2("%s/%s/%s/%s", source, name, call, digest)); again.StatusCode != http.StatusOK || strings.Contains(reference, ":") && digest != reference {
					t.Fatalf("policy %d: %s leads to %s: %d", n, target, digest, again.StatusCode)
				}
			} else if digest != "" {
				t.Fatalf("policy %d: %s: %d with a digest", n, target, a.StatusCode)
			}
		}
	}
}

// itemAnswers reports whether an item is a reason for an answer other than 404.
func itemAnswers(item *artifact.Item, call, reference, attachedTag, attachedTo string) bool {
	if call == "manifests" && !strings.Contains(reference, ":") {
		return item.Version == reference || reference == attachedTag && item.Attributes.Get("digest") == attachedTo
	}
	return slices.ContainsFunc(item.Files, func(f artifact.File) bool { return f.Path == call+"/"+strings.Replace(reference, ":", "/", 1) })
}

func sorted(set map[string]bool) (all []string) {
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// TestVersions shows which tags conditions on versions mean.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		condition, yes, no string
	}{
		{">=1.4 <2", "1.4 v1.4.2 1.25 1.25.3-alpine 2.0.0-rc1", "1.3 2 2.0.1 latest sha256:00"},
		{">=1.4, <2", "1.4 1.9", "2"},
		{"~1.4", "1.4 1.4.9", "1.5"},
		{"^1", "1 1.9", "2"},
		{"= stable", "stable", "1 Stable latest"},
		{"stable", "stable", "1"},
		{"=1.4.0", "1.4.0 1.4 v1.4", "1.4.1"},
		{"= 1.4.0_build.5", "1.4.0_build.5", "1.5"},
		{"< 1 || > 2", "0.9 3", "1.5"},
		{"<< 2", "1.9", "2 3"},
		{">= 2:0", "", "1 2 3 latest"},
		{"=sha256:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 64), "1"},
	} {
		holds, err := Kind{}.ParseVersions(c.condition)
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		for _, version := range strings.Fields(c.yes) {
			if !holds(version) {
				t.Errorf("%s does not hold for %s", c.condition, version)
			}
		}
		for _, version := range strings.Fields(c.no) {
			if holds(version) {
				t.Errorf("%s holds for %s", c.condition, version)
			}
		}
	}
	for _, wrong := range []string{"", "=", " ", ">= x y", "a b"} {
		if _, err := (Kind{}).ParseVersions(wrong); err == nil || !strings.Contains(err.Error(), "hint:") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestProperties shows what rules can match.
func TestProperties(t *testing.T) {
	m := newExample(t)
	for key, want := range map[string]string{
		"registry.example.org/acme/app:1.4/linux/arm64/v8":          fmt.Sprintf("[[registry.example.org/acme/app acme/app] [1.4] [%s %s] [registry.example.org] [linux/arm64/v8 linux/arm64]]", m.app.Digest, m.child.Digest),
		"registry.example.org_5000/acme/huge:1":                     fmt.Sprintf("[[registry.example.org:5000/acme/huge acme/huge] [1] [%s] [registry.example.org:5000] []]", m.huge.Digest),
		"registry.example.org/acme/other@" + string(m.other.Digest): fmt.Sprintf("[[registry.example.org/acme/other acme/other] [] [%s] [registry.example.org] []]", m.other.Digest),
	} {
		at := slices.IndexFunc(m.image.Catalog.Items, func(i artifact.Item) bool { return i.ID() == key })
		if at < 0 {
			t.Fatalf("there is no %s", key)
		}
		if got := fmt.Sprint(Kind{}.PropertiesOf(&m.image.Catalog.Items[at])); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	at := slices.IndexFunc(m.image.Catalog.Items, func(i artifact.Item) bool { return i.Source == "docker.io" })
	if got, want := fmt.Sprint(Kind{}.PropertiesOf(&m.image.Catalog.Items[at])[0]), "[docker.io/library/nginx library/nginx docker.io/nginx nginx]"; got != want {
		t.Errorf("an image of Docker Hub: %s, want %s", got, want)
	}
}

// TestByClient shows that what only some clients may have is not kept by caches that these share.
func TestByClient(t *testing.T) {
	m := newExample(t)
	s := m.serve(t, `deny: { image: acme/app, client: 198.51.100.0/24 }`)
	for _, path := range []string{"acme/app/manifests/1.4", "acme/app/manifests/" + string(m.app.Digest), "acme/app/blobs/" + string(m.base.Digest), "acme/app/tags/list"} {
		if kept := s.ask(v2("%s%s", host, path)).Header.Get("Cache-Control"); !strings.Contains(kept, "private") && kept != "no-store" {
			t.Errorf("%s: Cache-Control: %s", path, kept)
		}
	}
	if kept := s.ask(v2(host+"acme/other/blobs/%s", m.base.Digest)).Header.Get("Cache-Control"); strings.Contains(kept, "private") {
		t.Errorf("the same blob of a repository that all may have: %s", kept)
	}
}
