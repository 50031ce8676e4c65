package images

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestVerifyUpstream verifies signatures of an index, and of the manifest of one platform, in both forms.
func TestVerifyUpstream(t *testing.T) {
	for _, form := range []imagestest.Form{imagestest.Tagged, imagestest.Bundle} {
		c := newCarried(t)
		key, public := imagestest.NewKey(t)
		_, other := imagestest.NewKey(t)
		index := c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64")
		c.add("registry.example.org", "acme/app", "1.4", []string{"linux/amd64", "linux/arm64"}, c.Sign("acme/app", index, key, form))
		single := c.Tag("acme/tool", "2", c.Image("acme/tool", imagestest.Image{}))
		c.add("registry.example.org", "acme/tool", "2", []string{"linux/amd64"}, c.Sign("acme/tool", single, key, form))
		c.Tag("acme/plain", "3", c.Image("acme/plain", imagestest.Image{}))
		c.add("registry.example.org", "acme/plain", "3", []string{"linux/amd64"})
		c.Chart("charts/x", "0.1.0_build.5")
		c.add("charts.example.org", "charts/x", "0.1.0_build.5", []string{""})
		verify := func(keys ...[]byte) (artifact.Vouched, error) {
			var files []artifact.KeyFile
			for i, data := range keys {
				files = append(files, artifact.KeyFile{Name: fmt.Sprintf("key-%d.pub", i), Data: data})
			}
			return Kind{}.VerifyUpstream(t.Context(), c.pins, files, c.open)
		}
		vouched, err := verify([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), other, public)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"charts.example.org/charts/x:0.1.0_build.5", "registry.example.org/acme/plain:3/linux/amd64"}
		if slices.Sort(vouched.Unsigned); len(vouched.Items) != 5 || !slices.Equal(vouched.Unsigned, want) {
			t.Errorf("form %d: %d items, without a signature %s", form, len(vouched.Items), vouched.Unsigned)
		}
		if report := strings.Join(vouched.Report, "\n"); !strings.Contains(report, "registry.example.org: 3 images signed with the key in key-2.pub; 1 image by the digests") {
			t.Errorf("form %d: %s", form, report)
		}
		if vouched, err = verify(other); err != nil || len(vouched.Unsigned) != 5 {
			t.Errorf("form %d: by another key: %v, %s", form, err, vouched.Unsigned)
		}

		// What the definition asked a signature for has one by one of the keys.
		signed := c.item("registry.example.org/acme/app:1.4/linux/arm64")
		signed.Metadata = append(signed.Metadata, "Signed-By: sha256:abc acme.pub")
		for name, keys := range map[string][][]byte{"another key": {other}, "no key": nil} {
			if _, err := verify(keys...); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "acme/app:1.4/linux/arm64") || !strings.Contains(err.Error(), "acme.pub") {
				t.Errorf("form %d: %s: %v", form, name, err)
			}
		}
		if _, err = verify(public); err != nil {
			t.Error(err)
		}
		signed.Files = slices.DeleteFunc(signed.Files, func(f artifact.File) bool {
			p := partsOf(signed)
			return slices.ContainsFunc(p.attached, func(o *artifact.File) bool { return o.Path == f.Path })
		})
		if _, err = verify(public); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "has no signature") {
			t.Errorf("form %d: without its signature: %v", form, err)
		}
		if _, err = verify([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")); err == nil || !strings.Contains(err.Error(), "--keyring: key-0.pub") {
			t.Errorf("a damaged key: %v", err)
		}
	}
}

// TestVerifyContents refuses an image whose files are not those that its digest names, though each has the SHA-256 that the image states.
func TestVerifyContents(t *testing.T) {
	const id = "registry.example.org/acme/app:1.4/linux/amd64"
	for name, change := range map[string]func(c *carried, i *artifact.Item){
		"another manifest under the digest": func(c *carried, i *artifact.Item) {
			f := partsOf(i).manifest
			data := []byte(`{"schemaVersion":2}`)
			f.Size, f.SHA256 = int64(len(data)), strings.TrimPrefix(sha256Of(data), "sha256:")
			c.files[i.FileID(f)] = data
		},
		"a manifest that the index does not have": func(c *carried, i *artifact.Item) {
			other := c.read("acme/app", c.Image("acme/app", imagestest.Image{Labels: map[string]string{"a": "b"}}).Digest.String())
			f := &i.Files[1]
			f.Path, f.Size, f.SHA256 = filePath(manifestFolder, other.digest), int64(len(other.data)), strings.TrimPrefix(other.digest, "sha256:")
			c.files[i.FileID(f)] = other.data
			setAttribute(i, attributeManifest, other.digest)
		},
		"another layer under the digest": func(c *carried, i *artifact.Item) {
			f := partsOf(i).layers[0]
			f.SHA256 = strings.Repeat("a", 64)
		},
		"a layer is missing": func(c *carried, i *artifact.Item) { i.Files = i.Files[:3] },
		"another digest": func(c *carried, i *artifact.Item) {
			setAttribute(i, attributeDigest, "sha256:"+strings.Repeat("a", 64))
		},
		"a file is missing": func(c *carried, i *artifact.Item) { delete(c.files, i.FileID(&i.Files[0])) },
	} {
		c := newCarried(t)
		c.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64")
		c.add("registry.example.org", "acme/app", "1.4", []string{"linux/amd64"})
		if _, err := (Kind{}).VerifyUpstream(t.Context(), c.pins, nil, c.open); err != nil {
			t.Fatal(err)
		}
		change(c, c.item(id))
		if _, err := (Kind{}).VerifyUpstream(t.Context(), c.pins, nil, c.open); err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerifySHA512 follows digests that are not SHA-256.
func TestVerifySHA512(t *testing.T) {
	c := newCarried(t)
	c.Algorithm = "sha512"
	d := c.Tag("acme/app", "1", c.Image("acme/app", imagestest.Image{}))
	c.add("registry.example.org", "acme/app", "1", []string{"linux/amd64"})
	item := &c.pins.Items[0] // add knows only SHA-256
	setAttribute(item, attributeDigest, d.Digest.String())
	old := item.FileID(&item.Files[0])
	item.Files[0].Path = filePath(manifestFolder, d.Digest.String())
	c.files[item.FileID(&item.Files[0])] = c.files[old]
	if _, err := (Kind{}).VerifyUpstream(t.Context(), c.pins, nil, c.open); err != nil {
		t.Fatal(err)
	}
	layer := item.FileID(partsOf(item).layers[0])
	c.files[layer] = append(slices.Clone(c.files[layer][1:]), 'x')
	if _, err := (Kind{}).VerifyUpstream(t.Context(), c.pins, nil, c.open); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("another layer under the digest: %v", err)
	}
}
