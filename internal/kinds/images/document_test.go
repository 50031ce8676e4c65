package images

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	someDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	someBlob   = `{"mediaType":"a/b","digest":"` + someDigest + `","size":2}`
)

func TestParseDocument(t *testing.T) {
	image := `{"schemaVersion":2,"config":` + someBlob + `,"layers":[]}`
	for name, c := range map[string]struct{ text, stated, mediaType, want string }{
		"without a type":      {text: image, mediaType: v1.MediaTypeImageManifest},
		"odd whitespace":      {text: "\n\t" + image + "\n\n", mediaType: v1.MediaTypeImageManifest},
		"without layers":      {text: `{"schemaVersion":2,"config":` + someBlob + `,"layers":null}`, mediaType: v1.MediaTypeImageManifest},
		"index":               {text: `{"schemaVersion":2,"manifests":[],"unknown":{"x":[1]}}`, mediaType: v1.MediaTypeImageIndex},
		"Docker's":            {text: `{"schemaVersion":2,"mediaType":"` + dockerManifest + `","config":` + someBlob + `,"layers":[` + someBlob + `]}`, stated: dockerManifest, mediaType: dockerManifest},
		"release candidate":   {text: `{"schemaVersion":2,"mediaType":"` + artifactManifest + `","blobs":[` + someBlob + `]}`, mediaType: artifactManifest},
		"HTML":                {text: "<html>welcome", want: `it is not a manifest: "<html>welcome", and not JSON`},
		"nothing":             {text: "", want: "an empty answer"},
		"an error":            {text: `{"errors":[]}`, want: `has no "schemaVersion": 2`},
		"schema 1":            {text: `{"schemaVersion":1,"name":"x","fsLayers":[]}`, want: "schema 1"},
		"schema 1, stated":    {text: `{}`, stated: schema1[1], want: "schema 1"},
		"another type":        {text: image, stated: v1.MediaTypeImageIndex, want: `stated to be "application/vnd.oci.image.index.v1+json", but says itself`},
		"unknown type":        {text: `{"schemaVersion":2,"mediaType":"text/x"}`, want: `"text/x" are not supported`},
		"both":                {text: `{"schemaVersion":2,"manifests":[],"config":` + someBlob + `,"layers":[]}`, want: "also has the fields"},
		"both, as a manifest": {text: `{"schemaVersion":2,"mediaType":"` + v1.MediaTypeImageManifest + `","manifests":[],"config":` + someBlob + `,"layers":[]}`, want: "also has the fields"},
		"no configuration":    {text: `{"schemaVersion":2,"mediaType":"` + v1.MediaTypeImageManifest + `","layers":[]}`, want: "no configuration"},
		"neither":             {text: `{"schemaVersion":2}`, want: "neither a configuration nor manifests"},
		"digest":              {text: strings.Replace(image, "sha256:4", "sha256:G", 1), want: "an invalid digest"},
		"MD5":                 {text: strings.Replace(image, "sha256:", "md5:", 1), want: "an invalid digest"},
		"size":                {text: strings.Replace(image, `"size":2`, `"size":-2`, 1), want: "-2 bytes"},
		"two sizes":           {text: strings.Replace(image, "[]", "["+strings.Replace(someBlob, "2}", "3}", 1)+"]", 1), want: "two sizes"},
	} {
		d, err := parseDocument([]byte(c.text), c.stated)
		switch {
		case c.want == "" && (err != nil || d.MediaType != c.mediaType):
			t.Errorf("%s: %v, %+v", name, err, d)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case c.want != "" && !strings.Contains(c.want, "schema 1") && !errors.Is(err, artifact.ErrVerify):
			t.Errorf("%s: %v is not artifact.ErrVerify", name, err)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":`+someBlob+`,"layers":[`+someBlob+`]}`), "")
	f.Add([]byte(`{"schemaVersion":2,"manifests":[`+someBlob+`]}`), v1.MediaTypeImageIndex)
	f.Add([]byte("<html>"), "text/html")
	f.Fuzz(func(t *testing.T, data []byte, stated string) {
		d, err := parseDocument(data, stated)
		if err != nil {
			if text := err.Error(); len(text) > 2000+len(stated)+len(data) || strings.ContainsAny(text, "\x00\x1b") {
				t.Errorf("%q", text)
			}
			return
		}
		for _, one := range append(d.blobs(), d.Manifests...) {
			if !validDigest(one.Digest.String()) || one.Size < 0 {
				t.Errorf("%+v", one)
			}
		}
		if d.index() && len(d.blobs()) > 0 || !json.Valid(data) {
			t.Errorf("%+v", d)
		}
	})
}
