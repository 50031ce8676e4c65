package images

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestEditedLock has locks whose lines do not fit their files, as after a merge that went wrong. None becomes a mirror that lists what it
// cannot send, or sends other bytes than a digest names.
func TestEditedLock(t *testing.T) {
	none := digest.FromString("none").String()
	setLine := func(key, value string) func(*artifact.Item) {
		return func(i *artifact.Item) { i.Metadata = append(i.Metadata, key+": "+value) }
	}
	for name, c := range map[string]struct {
		edit func(*artifact.Item)
		want string
	}{
		"nothing":                 {func(*artifact.Item) {}, ""},
		"a type of nothing":       {setLine(keyType, none+" "+v1.MediaTypeImageManifest), "Type " + none},
		"no type":                 {func(i *artifact.Item) { i.Metadata = nil }, "does not state the type"},
		"an odd type":             {func(i *artifact.Item) { i.Metadata[0] += "; x" }, "that is none"},
		"a tag of nothing":        {setLine(keyTag, "sha256-x.sig "+none), "Tag " + none},
		"no digest at a tag":      {setLine(keyTag, "sha256-x.sig"), "Tag "},
		"a tag that is none":      {func(i *artifact.Item) { setLine(keyTag, "../x "+digestOf(i))(i) }, "not a tag"},
		"a referrer of nothing":   {func(i *artifact.Item) { setLine(keyReferrer, none+` {"digest":"`+digestOf(i)+`"}`)(i) }, "Referrer " + none},
		"a referrer without file": {func(i *artifact.Item) { setLine(keyReferrer, digestOf(i)+` {"digest":"`+none+`"}`)(i) }, "Referrer " + none},
		"no digest at all":        {func(i *artifact.Item) { i.Attributes = nil }, "digest "},
		"another digest":          {func(i *artifact.Item) { setAttribute(i, attributeDigest, none) }, "digest " + none},
		"another manifest":        {func(i *artifact.Item) { setAttribute(i, attributeManifest, none) }, "manifest " + none},
		"another content":         {func(i *artifact.Item) { i.Files[1].SHA256 = i.Files[0].SHA256 }, "another sha256"},
		"another path":            {func(i *artifact.Item) { i.Files[1].Path = "blobs/x" }, "not the path"},
		"a manifest as a blob": {func(i *artifact.Item) {
			i.Files[0].Path = strings.Replace(i.Files[0].Path, manifestFolder, blobFolder, 1)
		}, "names a manifest that is not among"},
	} {
		m := newCarried(t)
		m.MultiImage("acme/app", "1.4", "linux/amd64")
		m.add("registry.example.org", "acme/app", "1.4", []string{"linux/amd64"})
		c.edit(&m.pins.Items[0])
		_, err := Kind{}.Publish(m.pins, nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "registry.example.org/acme/app:1.4")) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestOddPlatform has rules for an image whose index names its platform otherwise than people do.
func TestOddPlatform(t *testing.T) {
	c := newCarried(t)
	c.MultiImage("acme/app", "1.4", "linux/aarch64", "Linux/x86_64")
	c.add("registry.example.org", "acme/app", "1.4", []string{"linux/aarch64", "Linux/x86_64"})
	for at, want := range []string{"Linux/x86_64 linux/amd64", "linux/aarch64 linux/arm64"} {
		if got := strings.Join(Kind{}.PropertiesOf(&c.pins.Items[at])[4], " "); got != want {
			t.Errorf("%s: platforms %s, want %s", c.pins.Items[at].Key, got, want)
		}
	}
}

// TestOneImageIsLimited counts the manifests of an image.
func TestOneImageIsLimited(t *testing.T) {
	for what, r := range map[string]*reader{"manifests": {nodes: maxNodes}, "bytes": {size: maxNodesSize}} {
		if err := r.count(1); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
