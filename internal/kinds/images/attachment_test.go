package images_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// attested is an image of BuildKit's: an index with attestations of its own beside the images.
func attested(r *imagestest.Registry, name, tag string) (index, amd, arm, ofAMD, ofARM v1.Descriptor) {
	amd, arm = r.Image(name, imagestest.Image{}), r.Image(name, imagestest.Image{Platform: "linux/arm64"})
	describe := func(d v1.Descriptor, predicate string) v1.Descriptor {
		made := r.Artifact(name, imagestest.Artifact{Config: imagestest.Blob{MediaType: v1.MediaTypeImageConfig, Data: []byte(`{"architecture":"unknown","os":"unknown"}`)},
			Layers: []imagestest.Blob{{MediaType: "application/vnd.in-toto+json", Data: []byte(predicate + d.Digest.String()), Annotations: map[string]string{"in-toto.io/predicate-type": predicate}}}})
		made.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
		made.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": d.Digest.String()}
		return made
	}
	ofAMD, ofARM = describe(amd, "https://spdx.dev/Document"), describe(arm, "https://slsa.dev/provenance/v1")
	return r.Tag(name, tag, r.Index(name, amd, arm, ofAMD, ofARM)), amd, arm, ofAMD, ofARM
}

func has(i *artifact.Item, d v1.Descriptor) bool {
	return slices.ContainsFunc(i.Files, func(f artifact.File) bool { return f.Path == "manifests/sha256/"+d.Digest.Encoded() })
}

// TestAttached: what is attached to an index, to its manifests and to what is attached, in every form, and what of it is wanted.
func TestAttached(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	key, _ := imagestest.NewKey(t)
	index, amd, arm, ofAMD, ofARM := attested(r, "acme/app", "1")
	sig, bundle := r.Sign("acme/app", index, key, imagestest.Tagged), r.Sign("acme/app", index, key, imagestest.Bundle)
	provenance := r.Attest("acme/app", index, key, signature.Provenance)
	sbom, sbomOfAMD, sbomOfARM := r.SBOM("acme/app", index), r.SBOM("acme/app", amd), r.SBOM("acme/app", arm)
	sbomSigned := r.Sign("acme/app", sbomOfAMD, key, imagestest.Bundle)
	sbomTagged := r.Sign("acme/app", sbomOfAMD, key, imagestest.Tagged)
	old := r.AttachTag("acme/app", amd, ".sbom", imagestest.Blob{MediaType: "text/spdx+json", Data: []byte("{}")})
	att := r.AttachTag("acme/app", index, ".att", imagestest.Blob{MediaType: "application/vnd.dsse.envelope.v1+json", Data: []byte("{ }"), Annotations: map[string]string{"predicateType": "https://cyclonedx.org/bom"}})
	strange := r.Artifact("acme/app", imagestest.Artifact{Type: "application/x-notes", Subject: &index})
	names := map[string]v1.Descriptor{"sig": sig, "bundle": bundle, "provenance": provenance, "sbom": sbom, "sbom of amd64": sbomOfAMD, "sbom of arm64": sbomOfARM, "bundle of the sbom": sbomSigned,
		"sig of the sbom": sbomTagged, "old sbom": old, "att": att, "strange": strange, "BuildKit's of amd64": ofAMD, "BuildKit's of arm64": ofARM}
	forAMD := "linux/amd64"
	for referrers, want := range map[string]string{
		"all":                                "BuildKit's of amd64, att, bundle, bundle of the sbom, old sbom, provenance, sbom, sbom of amd64, sig, sig of the sbom, strange",
		"none":                               "",
		"[ signatures ]":                     "bundle, sig",
		"[ sbom ]":                           "BuildKit's of amd64, att, old sbom, sbom, sbom of amd64",
		"[ attestations ]":                   "BuildKit's of amd64, att, provenance",
		"[ sbom, signatures, attestations ]": "BuildKit's of amd64, att, bundle, bundle of the sbom, old sbom, provenance, sbom, sbom of amd64, sig, sig of the sbom",
	} {
		for how, o := range map[string]imagestest.Options{"the API": {}, "pages": {PageSize: 1}, "tags": {NoReferrers: true}, "tags that are not listed": {NoReferrers: true, Before: func(w http.ResponseWriter, req *http.Request) bool {
			if strings.HasSuffix(req.URL.Path, "/tags/list") {
				imagestest.Refuse(w, http.StatusForbidden, "DENIED", "no")
				return true
			}
			return false
		}}, "a list of tags that lacks some": {NoReferrers: true, Before: func(w http.ResponseWriter, req *http.Request) bool {
			if strings.HasSuffix(req.URL.Path, "/tags/list") {
				fmt.Fprint(w, `{"name":"acme/app","tags":["old"]}`)
				return true
			}
			return false
		}}} {
			r.Set(o)
			os.Remove(filepath.Join(s.dir, "mirror.lock"))
			l := s.must(entry(r, `"acme/app:1"`, "referrers: "+referrers), builder.LockOptions{})
			wantKeys(t, l, "acme/app:1/"+forAMD)
			var got []string
			for name, d := range names {
				if has(&l.Items[0], d) {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != want {
				t.Errorf("referrers: %s, by %s:\ngot  %s\nwant %s", referrers, how, text, want)
			}
		}
	}
	r.Set(imagestest.Options{})
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	l := s.must(entry(r, `"acme/app:1"`, "platforms: all"), builder.LockOptions{})
	i, other := item(t, l, "acme/app:1/linux/amd64"), item(t, l, "acme/app:1/linux/arm64")
	if !has(other, sbomOfARM) || has(other, sbomOfAMD) || has(other, ofAMD) || !has(other, ofARM) || !has(other, sbom) {
		t.Errorf("%+v", other.Files)
	}
	tags := lines(i, "Tag")
	for tag, d := range map[digest.Digest]v1.Descriptor{index.Digest + ".sig": sig, index.Digest + ".att": att, amd.Digest + ".sbom": old, sbomOfAMD.Digest + ".sig": sbomTagged} {
		if want := strings.Replace(string(tag), ":", "-", 1) + " " + d.Digest.String(); !slices.Contains(tags, want) {
			t.Errorf("no tag %s: %s", want, tags)
		}
	}
	subjects := make(map[digest.Digest]string)
	for _, value := range lines(i, "Referrer") {
		subject, text, _ := strings.Cut(value, " ")
		var d v1.Descriptor
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.ArtifactType == "" || d.Size == 0 {
			t.Errorf("%s: %v", value, err)
		}
		subjects[d.Digest] = subject
	}
	if len(subjects) != 6 || subjects[sbom.Digest] != index.Digest.String() || subjects[sbomOfAMD.Digest] != amd.Digest.String() || subjects[sbomSigned.Digest] != sbomOfAMD.Digest.String() {
		t.Errorf("%v", subjects)
	}
}

// TestAttachedDepth: a chain without an end is refused.
func TestAttachedDepth(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	d := r.Tag("a", "1", r.Image("a", imagestest.Image{}))
	for range 8 {
		d = r.SBOM("a", d)
	}
	s.refuses(entry(r, `"a:1"`), "registry.example.org/a:1: ", "artifacts are attached to artifacts")
}

// TestVerify: which signatures count.
func TestVerify(t *testing.T) {
	r, s := imagestest.New(t), newSite(t)
	ours, public := imagestest.NewKey(t)
	foreign, foreignPublic := imagestest.NewKey(t)
	for name, data := range map[string][]byte{"acme.pub": public, "other.pub": foreignPublic, "broken.pub": []byte("x")} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	signed := func(tag string, form imagestest.Form) (index, sig v1.Descriptor) {
		index = r.MultiImage("app", tag, "linux/amd64", "linux/arm64")
		return index, r.Sign("app", index, ours, form)
	}
	const verify = "verify: { cosign: [ acme.pub ] }"
	for tag, form := range map[string]imagestest.Form{"tagged": imagestest.Tagged, "bundle": imagestest.Bundle} {
		_, sig := signed(tag, form)
		for _, referrers := range []string{"all", "none", "[ sbom ]"} {
			os.Remove(filepath.Join(s.dir, "mirror.lock"))
			l := s.must(entry(r, `"app:`+tag+`"`, verify, "platforms: all", "referrers: "+referrers), builder.LockOptions{})
			for i := range l.Items {
				if by := lines(&l.Items[i], "Signed-By"); len(by) != 1 || !strings.HasPrefix(by[0], "sha256:") || !strings.HasSuffix(by[0], " acme.pub") || !has(&l.Items[i], sig) {
					t.Errorf("%s, referrers: %s: signed by %s, and the signature is carried: %t", tag, referrers, by, has(&l.Items[i], sig))
				}
			}
		}
	}
	refused := func(tag string, wants ...string) {
		t.Helper()
		os.Remove(filepath.Join(s.dir, "mirror.lock"))
		_, err := s.lock(entry(r, `"app:`+tag+`"`, verify, "platforms: all"), builder.LockOptions{})
		if !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%s: %v is not artifact.ErrVerify", tag, err)
		}
		for _, want := range append(wants, "registry.example.org/app:"+tag) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", tag, err, want)
			}
		}
	}
	unsigned := r.MultiImage("app", "unsigned", "linux/amd64", "linux/arm64")
	refused("unsigned", unsigned.Digest.String()+" is not signed", "cosign sign --key KEY registry.example.org/app@")
	r.Sign("app", r.MultiImage("app", "foreign", "linux/amd64"), foreign, imagestest.Tagged)
	refused("foreign", "1 signatures, and none is valid with the key in acme.pub")
	// A good signature of another image.
	other, sig := signed("other", imagestest.Tagged)
	borrowed := r.MultiImage("app", "borrowed", "linux/amd64")
	r.Tag("app", strings.Replace(borrowed.Digest.String(), ":", "-", 1)+".sig", sig)
	refused("borrowed", "about another image, "+other.Digest.String())
	// Each manifest is signed, and the index is not; one of two; one that is not carried.
	one, two := r.Image("app", imagestest.Image{Layers: [][]byte{[]byte("1")}}), r.Image("app", imagestest.Image{Platform: "linux/arm64", Layers: [][]byte{[]byte("2")}})
	r.Tag("app", "children", r.Index("app", one, two))
	r.Sign("app", one, ours, imagestest.Tagged)
	refused("children", "is not signed")
	wantKeys(t, s.must(entry(r, `"app:children"`, verify), builder.LockOptions{}), "app:children/linux/amd64")
	r.Sign("app", two, ours, imagestest.Bundle)
	l := s.must(entry(r, `"app:children"`, verify, "platforms: all"), builder.LockOptions{})
	for i := range l.Items {
		if len(lines(&l.Items[i], "Signed-By")) != 1 {
			t.Errorf("%+v", l.Items[i].Metadata)
		}
	}
	// Who only has verify misses no signature, even if the list of tags lacks it.
	r.Set(imagestest.Options{Before: func(w http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "/tags/list") {
			fmt.Fprint(w, `{"name":"app","tags":["tagged"]}`)
			return true
		}
		return false
	}})
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	s.must(entry(r, `"app:tagged"`, verify), builder.LockOptions{})
	r.Set(imagestest.Options{})
	// The lock before was made without a key, or with another: it does not count.
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	s.must(entry(r, `"app:unsigned"`), builder.LockOptions{})
	if _, err := s.lock(entry(r, `"app:unsigned"`, verify), builder.LockOptions{}); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("the lock before was made without a key: %v", err)
	}
	os.Remove(filepath.Join(s.dir, "mirror.lock"))
	l = s.must(entry(r, `"app:foreign"`, "verify: { cosign: [ other.pub, acme.pub ] }"), builder.LockOptions{})
	if by := fmt.Sprint(lines(&l.Items[0], "Signed-By")); !strings.HasSuffix(by, " other.pub]") {
		t.Error(by)
	}
	if _, err := s.lock(entry(r, `"app:foreign"`, verify), builder.LockOptions{}); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("the lock before was made with another key: %v", err)
	}
	s.refuses(entry(r, `"app:tagged"`, "verify: { cosign: [ broken.pub ] }"), "mirror.yaml:3", "broken.pub: it is not a public key")
}
