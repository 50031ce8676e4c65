package images_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// TestComplaints has what users of other tools complained about in public.
func TestComplaints(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	key, public := imagestest.NewKey(t)
	if err := os.WriteFile(filepath.Join(s.dir, "acme.pub"), public, 0o644); err != nil {
		t.Fatal(err)
	}
	index := r.MultiImage("acme/app", "1", "linux/amd64", "linux/arm64")
	tagged := r.Sign("acme/app", index, key, imagestest.Tagged)
	bundle := r.Sign("acme/app", index, key, imagestest.Bundle)
	other := r.MultiImage("acme/app", "2", "linux/amd64")
	ofOther := r.Sign("acme/app", other, key, imagestest.Bundle)
	locked := func(t *testing.T, take string) *builder.Locked {
		s.t = t
		s.emptyCache()
		os.Remove(filepath.Join(s.dir, "mirror.lock"))
		return s.must(entry(r, take, "platforms: all", "verify: { cosign: [ acme.pub ] }"), builder.LockOptions{})
	}
	digest := string(index.Digest)

	t.Run("signatures of an image by digest, with a tag and without, are lost (hauler 667)", func(t *testing.T) {
		for _, take := range []string{`"acme/app@` + digest + `"`, `"acme/app:1@` + digest + `"`} {
			l := locked(t, take)
			wantKeys(t, l, "acme/app@"+digest+"/linux/amd64", "acme/app@"+digest+"/linux/arm64")
			for i := range l.Items {
				if !has(&l.Items[i], tagged) || !has(&l.Items[i], bundle) {
					t.Errorf("%s: %s has not both signatures", take, l.Items[i].Key)
				}
			}
		}
	})
	t.Run("a referrer is listed for another index (harbor 19392)", func(t *testing.T) {
		l := locked(t, `"acme/app:*"`)
		for key, c := range map[string][2]v1.Descriptor{"acme/app:1/linux/arm64": {bundle, ofOther}, "acme/app:2/linux/amd64": {ofOther, bundle}} {
			if i := item(t, l, key); !has(i, c[0]) || has(i, c[1]) {
				t.Errorf("%s has the other's signature: %t, and its own: %t", key, has(i, c[1]), has(i, c[0]))
			}
		}
	})
	t.Run("a registry without the referrers API sends clients elsewhere instead (zot 4060)", func(t *testing.T) {
		elsewhere := httptest.NewServer(http.NotFoundHandler())
		defer elsewhere.Close()
		r.Set(imagestest.Options{Before: about("/referrers/", func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, elsewhere.URL+"/packages"+req.URL.Path, http.StatusSeeOther)
		})})
		defer r.Set(imagestest.Options{})
		if i := item(t, locked(t, `"acme/app:1"`), "acme/app:1/linux/amd64"); !has(i, tagged) {
			t.Error("the signature at a tag is not carried")
		}
	})
	t.Run("one tag of many is broken, and no error says which (skopeo 1466, zarf 4294)", func(t *testing.T) {
		broken := string(other.Digest)
		r.Set(imagestest.Options{Before: about("/manifests/"+broken, status(http.StatusNotFound))})
		defer r.Set(imagestest.Options{})
		s.t = t
		s.refuses(entry(r, `"acme/app:*"`), "registry.example.org/acme/app:2: ", broken)
		s.refuses(entry(r, `"acme/app:1"`, "platforms: [ linux/s390x ]"), "registry.example.org/acme/app:1: ", "linux/amd64, linux/arm64")
	})
	t.Run("images for one architecture only (zarf 4108)", func(t *testing.T) {
		wantKeys(t, locked(t, `"acme/app:1"`), "acme/app:1/linux/amd64", "acme/app:1/linux/arm64")
	})
}
