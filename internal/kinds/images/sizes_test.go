package images_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestByDigestOnly locks an index by its digest: it keeps its signature and its platforms, and the digest is the one that was asked for.
func TestByDigestOnly(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	d := r.MultiImage("acme/app", "x", "linux/amd64", "linux/arm64")
	sig := r.Tag("acme/app", strings.Replace(d.Digest.String(), ":", "-", 1)+".sig", r.Artifact("acme/app", imagestest.Artifact{Layers: []imagestest.Blob{{MediaType: "application/vnd.dev.cosign.simplesigning.v1+json", Data: []byte("{}")}}}))
	l := s.must(entry(r, `"acme/app@`+d.Digest.String()+`"`, "platforms: all"), builder.LockOptions{})
	wantKeys(t, l, "acme/app@"+d.Digest.String()+"/linux/amd64", "acme/app@"+d.Digest.String()+"/linux/arm64")
	for i := range l.Items {
		if !has(&l.Items[i], sig) || l.Items[i].Files[0].SHA256 != d.Digest.Encoded() {
			t.Errorf("%s: it has the signature: %t, and the root %s", l.Items[i].Key, has(&l.Items[i], sig), l.Items[i].Files[0].Path)
		}
	}
}

// TestLargeLayer locks a layer of 21 GB, of which lock fetches nothing.
func TestLargeLayer(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	config := r.Blob("big", v1.MediaTypeImageConfig, []byte(`{"os":"linux","architecture":"amd64"}`))
	layer := `{"mediaType":"` + v1.MediaTypeImageLayer + `","digest":"` + digest.FromString("big").String() + `","size":21000000000}`
	r.Tag("big", "1", r.Manifest("big", v1.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"mediaType":"`+v1.MediaTypeImageManifest+`","config":{"mediaType":"`+v1.MediaTypeImageConfig+`","digest":"`+config.Digest.String()+`","size":37},"layers":[`+layer+`]}`)))
	if size := item(t, s.must(entry(r, `"big:1"`), builder.LockOptions{}), "big:1/linux/amd64").Size(); size < 21000000000 {
		t.Errorf("%d bytes", size)
	}
	for name, c := range map[string][2]string{
		"a size that is none": {strings.Replace(strings.Replace(layer, "21000000000", "9223372036854775807", 1), digest.FromString("big").String(), digest.FromString("huge").String(), 1), "a size of 9223372036854775807 bytes"},
		"much within much":    {layer + `],"x":[` + strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000), "not JSON"},
	} {
		r.Tag("big", "2", r.Manifest("big", v1.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"mediaType":"`+v1.MediaTypeImageManifest+`","config":{"mediaType":"`+v1.MediaTypeImageConfig+`","digest":"`+config.Digest.String()+`","size":37},"layers":[`+c[0]+`]}`)))
		if _, err := s.lock(entry(r, `"big:2"`), builder.LockOptions{}); err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), "registry.example.org/big:2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
