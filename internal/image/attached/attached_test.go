package attached

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

var image = v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString("image"), Size: 5}

// signatureOf is a layer that is the same for all signers; its annotation differs.
func signatureOf(signer string) Blob {
	b := NewBlob("text/plain", []byte("payload"))
	b.Annotations = map[string]string{"signer": signer}
	return b
}

func at(tag string, signers ...string) Artifact {
	a := Artifact{Tag: tag, Date: time.Unix(1e9, 0)}
	for _, s := range signers {
		a.Layers = append(a.Layers, signatureOf(s))
	}
	return a
}

// signers reads a manifest, whose configuration must list its layers.
func signers(t *testing.T, made *Made) string {
	t.Helper()
	var m v1.Manifest
	var config v1.Image
	if err := json.Unmarshal(made.Manifest.Data, &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(made.Blobs[0].Data, &config); err != nil || made.Blobs[0].Digest != m.Config.Digest {
		t.Fatalf("configuration: %v", err)
	}
	var all []string
	for i, l := range m.Layers {
		all = append(all, l.Annotations["signer"])
		if config.RootFS.DiffIDs[i] != l.Digest {
			t.Errorf("layer %d is %s in the configuration", i, config.RootFS.DiffIDs[i])
		}
	}
	return strings.Join(all, " ")
}

// Whoever signs second adds a signature, and whoever signs again adds nothing: neither to what is made at once, nor to what is there.
func TestSigners(t *testing.T) {
	joined := Join([]Artifact{at("x.sig", "a"), {Type: "one"}, at("x.sig", "b", "a"), {Type: "two"}, at("y.sig", "a")})
	if len(joined) != 4 || joined[1].Type != "one" || joined[2].Type != "two" {
		t.Fatalf("%+v", joined)
	}
	made, err := joined[0].Make(image)
	if err != nil {
		t.Fatal(err)
	}
	if got := signers(t, made); got != "a b" {
		t.Errorf("together: %s", got)
	}
	for _, next := range []struct {
		signer, want string
		blobs        int // to store: the configuration, and what is new
	}{{"c", "a b c", 2}, {"b", "a b", 1}} {
		more, err := at("x.sig", next.signer).After(made.Manifest.Data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := more.Make(image)
		if err != nil {
			t.Fatal(err)
		}
		if got := signers(t, again); got != next.want || len(again.Blobs) != next.blobs {
			t.Errorf("%s after others: %s, want %s; %d blobs to store", next.signer, got, next.want, len(again.Blobs))
		}
		if next.signer == "b" && again.Manifest.Digest != made.Manifest.Digest {
			t.Error("the same signature has another manifest")
		}
	}
	index, err := json.Marshal(v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{image}})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{string(index), "{", "{}"} {
		if _, err := at("x.sig", "a").After([]byte(other)); err == nil || !strings.Contains(err.Error(), "x.sig: this tag has something other than signatures") {
			t.Errorf("%s: %v", other, err)
		}
	}
}
