package images

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestAddresses(t *testing.T) {
	for from, want := range map[string]string{
		"":                                        "https://registry.example.org/v2/a/b/manifests/1",
		"https://r.example.org:5000/":             "https://r.example.org:5000/v2/a/b/manifests/1",
		"http://r.example.org/v2/":                "http://r.example.org/v2/a/b/manifests/1",
		"https://cache.example.org/hub":           "https://cache.example.org/v2/hub/a/b/manifests/1",
		"https://cache.example.org/v2/hub/x/":     "https://cache.example.org/v2/hub/x/a/b/manifests/1",
		"https://web.example.org/registry/v2":     "https://web.example.org/registry/v2/a/b/manifests/1",
		"https://web.example.org/registry/v2/hub": "https://web.example.org/registry/v2/hub/a/b/manifests/1",
	} {
		o, err := parseOrigin(&source{section: anywhere{}, registry: "registry.example.org"}, from)
		if got := newRegistry(o.text, nil).url("a/b", "manifests/1"); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", from, got, err, want)
		}
	}
}

func FuzzPages(f *testing.F) {
	f.Add([]byte(`{"name":"a","tags":["1"]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[` + someBlob + `]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readAttachedList(data)
		for _, d := range list {
			if err == nil && !validDigest(d.Digest.String()) {
				t.Errorf("%+v", d)
			}
			kindsOf("", &d, &document{})
			if text, err := referrerLine(someDigest, &d); err == nil {
				if _, again, err := parseReferrer(strings.TrimPrefix(text, keyReferrer+": ")); err != nil || again.Digest != d.Digest {
					t.Errorf("%s: %v", text, err)
				}
				if strings.ContainsAny(text, "\n\r\x00\x7f") {
					t.Errorf("%q", text)
				}
			}
		}
	})
}

// anywhere is a section without a place.
type anywhere struct{ artifact.Section }

func (anywhere) Errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// TestSets: what sets mean, with and without a registry.
func TestSets(t *testing.T) {
	r := &resolver{Resolution: artifact.Resolution{Items: []artifact.Item{
		{Source: "docker.io", Name: "library/nginx", Version: "1.27", Key: "library/nginx:1.27/linux/amd64"},
		{Source: "docker.io", Name: "library/nginx", Version: "1.27", Key: "library/nginx:1.27/linux/arm64"},
		{Source: "docker.io", Name: "library/nginx", Version: "1.26", Key: "library/nginx:1.26/linux/amd64"},
		{Source: "registry.example.org_5000", Name: "acme/app", Version: someDigest, Key: "acme/app@" + someDigest, Attributes: artifact.NewAttributes(map[string][]string{attributeDigest: {someDigest}})},
		{Source: "registry.example.org_5000", Name: "acme/app", Version: "2", Key: "acme/app:2", Attributes: artifact.NewAttributes(map[string][]string{attributeDigest: {someDigest}})},
	}}}
	const both = "docker.io/library/nginx:1.27/linux/amd64 docker.io/library/nginx:1.27/linux/arm64"
	for _, c := range []struct {
		text, want string
		newest     int
	}{
		{"nginx:1.27", both, 0},
		{"docker.io/nginx:1.27", both, 0},
		{"docker.io/library/nginx:~1.27", both, 0},
		{"nginx:*", both, 1},
		{"registry.example.org:5000/acme/*:2", "registry.example.org_5000/acme/app:2", 0},
		{"acme/app@" + someDigest, "registry.example.org_5000/acme/app:2 registry.example.org_5000/acme/app@" + someDigest, 0},
		{"app:2", "!no image of the definition matches \"app:2\"", 0},
		{"nginx:1.2", "!there are: library/nginx:1.2", 0},
	} {
		one := request{section: anywhere{}, text: c.text, newest: c.newest}
		if err := one.parse(); err != nil {
			t.Fatal(err)
		}
		set, err := r.set("s", []request{one})
		if text, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", c.text, err, text)
			}
		} else if got := strings.Join(set.Items, " "); err != nil || got != c.want || set.Architecture != artifact.AnyArchitecture || strings.Join(set.Requested, " ") != got {
			t.Errorf("%s: %+v, %v, want %s", c.text, set, err, c.want)
		}
	}
}
