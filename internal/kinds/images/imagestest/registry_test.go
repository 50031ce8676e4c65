package imagestest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func get(t *testing.T, address string) (*http.Response, []byte) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}

func TestRegistry(t *testing.T) {
	r := New(t)
	index := r.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64/v8")
	r.MultiImage("acme/app", "1.5", "linux/amd64")
	r.Chart("charts/x", "0.1.0_build.5")
	key, _ := NewKey(t)
	r.Sign("acme/app", index, key, Tagged)
	bundle := r.Sign("acme/app", index, key, Bundle)
	r.SBOM("acme/app", index)

	resp, data := get(t, r.URL+"/v2/acme/app/manifests/1.4")
	if resp.Header.Get("Docker-Content-Digest") != index.Digest.String() || resp.Header.Get("Content-Type") != v1.MediaTypeImageIndex || !bytes.Equal(data, r.Content("acme/app", "1.4")) {
		t.Errorf("%v %s", resp.Header, data)
	}
	var list v1.Index
	_, data = get(t, r.URL+"/v2/acme/app/referrers/"+index.Digest.String())
	if err := json.Unmarshal(data, &list); err != nil || len(list.Manifests) != 2 || list.Manifests[0].Digest != bundle.Digest || list.Manifests[1].ArtifactType != "application/spdx+json" {
		t.Errorf("%v: %s", err, data)
	}
	r.Set(Options{NoReferrers: true, PageSize: 2})
	if resp, _ := get(t, r.URL+"/v2/acme/app/referrers/"+index.Digest.String()); resp.StatusCode != http.StatusNotFound {
		t.Error(resp.Status)
	}
	if _, again := get(t, r.URL+"/v2/acme/app/manifests/"+strings.Replace(index.Digest.String(), ":", "-", 1)); !bytes.Equal(again, data) {
		t.Errorf("the tag has %s", again)
	}
	var names []string
	for next := "/v2/acme/app/tags/list"; next != ""; {
		resp, data := get(t, r.URL+next)
		var page struct{ Tags []string }
		if err := json.Unmarshal(data, &page); err != nil {
			t.Fatal(err)
		}
		names = append(names, page.Tags...)
		_, link, _ := strings.Cut(resp.Header.Get("Link"), "<")
		next, _, _ = strings.Cut(link, ">")
	}
	encoded := index.Digest.Encoded()
	if got, want := strings.Join(names, " "), "1.4 1.5 sha256-"+encoded+" sha256-"+encoded+".sig"; got != want {
		t.Errorf("tags %s, want %s", got, want)
	}
	if n := r.Count("tags/list"); n != 2 {
		t.Errorf("%d requests for tags", n)
	}
}
