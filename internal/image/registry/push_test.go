package registry_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// signature is a payload that is the same for all signers; the annotation differs.
func signature(of v1.Descriptor, signer string) attached.Artifact {
	layer := attached.NewBlob("text/plain", []byte("payload"))
	layer.Annotations = map[string]string{"signer": signer}
	return attached.Artifact{Tag: attached.Tag(of.Digest, ".sig"), Layers: []attached.Blob{layer}}
}

// Artifacts are found by the registry's list of referrers, or by the tag of the image where it has none; twice the same is one.
func TestAttach(t *testing.T) {
	for name, lists := range map[string]bool{"a registry that lists referrers": true, "one that does not": false} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(lists), ggcr.Logger(log.New(io.Discard, "", 0))))
			defer server.Close()
			path := strings.TrimPrefix(server.URL, "http://") + "/site/image"
			image := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString("image"), Size: 5}
			other := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString("other"), Size: 5}
			for _, subject := range []v1.Descriptor{image, other, image} {
				if err := registry.Attach(t.Context(), path, registry.Options{}, subject, []attached.Artifact{
					{Type: "application/one", Layers: []attached.Blob{attached.NewBlob("text/plain", []byte("one"))}, Annotations: map[string]string{"a": "b"}},
					{Type: "application/two", Layers: []attached.Blob{attached.NewBlob("text/plain", []byte("two"))}},
					signature(subject, "one signer"),
				}); err != nil {
					t.Fatal(err)
				}
				if err := registry.Attach(t.Context(), path, registry.Options{}, subject, []attached.Artifact{signature(subject, "another"), signature(subject, "a third")}); err != nil {
					t.Fatal(err)
				}
			}
			r, err := registry.Open(path, registry.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			found, err := r.Referrers(t.Context(), image.Digest.String())
			var types []string
			for _, d := range found {
				types = append(types, d.ArtifactType)
				if _, _, _, err := r.Manifest(t.Context(), d.Digest.String()); err != nil {
					t.Error(err)
				}
			}
			slices.Sort(types)
			if lists { // this registry takes the type of the configuration for that of the artifact
				types = []string{"application/one", "application/two"}
			}
			if err != nil || len(found) != 2 || !slices.Equal(types, []string{"application/one", "application/two"}) {
				t.Errorf("%q, %v", types, err)
			}
			text, _, _, err := r.Manifest(t.Context(), attached.Tag(image.Digest, ".sig"))
			var manifest v1.Manifest
			if err != nil || json.Unmarshal(text, &manifest) != nil {
				t.Fatal(err)
			}
			var signers []string
			for _, l := range manifest.Layers {
				signers = append(signers, l.Annotations["signer"])
			}
			if want := []string{"one signer", "another", "a third"}; !slices.Equal(signers, want) {
				t.Errorf("signatures of %q, want %q", signers, want)
			}
			if none, err := r.Referrers(t.Context(), digest.FromString("none").String()); err != nil || len(none) > 0 {
				t.Errorf("%v, %v", none, err)
			}
		})
	}
}
