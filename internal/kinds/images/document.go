package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Media types that the OCI image specification does not define: Docker's, and that of a manifest that version 1.1 of the specification
// had in its release candidates.
const (
	dockerConfig     = "application/vnd.docker.container.image.v1+json"
	artifactManifest = "application/vnd.oci.artifact.manifest.v1+json"
)

// schema1 are the types of what Docker used before 2016.
var schema1 = []string{"application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws"}

// A document is a parsed manifest or index.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"` // after parseDocument: never empty
	ArtifactType  string            `json:"artifactType"`
	Config        *v1.Descriptor    `json:"config"`
	Layers        []v1.Descriptor   `json:"layers"`    // of a manifest; of the release candidates' too
	Blobs         []v1.Descriptor   `json:"blobs"`     // after parseDocument: none
	Manifests     []v1.Descriptor   `json:"manifests"` // of an index
	Annotations   map[string]string `json:"annotations"`
}

const (
	maxManifests = 1000     // that an index may list
	maxLayers    = 1000     // that a manifest may list
	maxBlob      = 16 << 40 // bytes: what no registry takes
)

// parseDocument reads a manifest or an index. stated is the media type that a descriptor or the registry states; empty: none.
func parseDocument(data []byte, stated string) (*document, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, artifact.Verifyf("it is not a manifest: %s, and not JSON: %w", opening(data), err)
	}
	kind := d.MediaType
	if kind == "" {
		kind = d.inferred()
	}
	switch {
	case d.SchemaVersion == 1 || slices.Contains(schema1, kind) || slices.Contains(schema1, stated):
		return nil, artifact.Hint(errors.New("the manifest has Docker's schema 1, which current runtimes cannot read"), "push the image again with a current program, such as \"skopeo copy --format v2s2\", or leave it out of take")
	case d.SchemaVersion != 2:
		return nil, artifact.Verifyf("it is not a manifest: %s has no \"schemaVersion\": 2", opening(data))
	case stated != "" && kind != "" && stated != kind:
		return nil, artifact.Verifyf("the manifest is stated to be %q, but says itself that it is %q", artifact.Printable(stated), artifact.Printable(kind))
	}
	d.MediaType = kind
	switch kind {
	case v1.MediaTypeImageIndex, dockerList:
		if d.Layers != nil || d.Config != nil || d.Blobs != nil {
			return nil, artifact.Verifyf("the index also has the fields of an image's manifest")
		}
	case v1.MediaTypeImageManifest, dockerManifest:
		switch {
		case d.Manifests != nil || d.Blobs != nil:
			return nil, artifact.Verifyf("the manifest also has the fields of an index")
		case d.Config == nil:
			return nil, artifact.Verifyf("the manifest has no configuration")
		}
	case artifactManifest:
		if d.Layers != nil || d.Config != nil || d.Manifests != nil {
			return nil, artifact.Verifyf("the manifest also has the fields of an image's manifest")
		}
		d.Layers, d.Blobs = d.Blobs, nil
	case "":
		return nil, artifact.Verifyf("it is not a manifest: %s has neither a configuration nor manifests", opening(data))
	default:
		return nil, artifact.Verifyf("manifests of the type %q are not supported", artifact.Printable(kind))
	}
	return &d, d.check()
}

// inferred is the media type of a document that does not state one, as OCI allows.
func (d *document) inferred() string {
	switch {
	case d.Manifests != nil:
		return v1.MediaTypeImageIndex
	case d.Config != nil:
		return v1.MediaTypeImageManifest
	}
	return ""
}

// index reports whether the document lists manifests.
func (d *document) index() bool {
	return d.MediaType == v1.MediaTypeImageIndex || d.MediaType == dockerList
}

// image reports whether the document is the manifest of an image: its configuration is one for a runtime.
func (d *document) image() bool {
	return d.Config != nil && (d.Config.MediaType == v1.MediaTypeImageConfig || d.Config.MediaType == dockerConfig)
}

// blobs are the configuration, if there is one, and the layers.
func (d *document) blobs() (all []v1.Descriptor) {
	if d.Config != nil {
		all = append(all, *d.Config)
	}
	return append(all, d.Layers...)
}

// check refuses descriptors with an invalid digest or size.
func (d *document) check() error {
	if len(d.Manifests) > maxManifests || len(d.Layers) > maxLayers {
		return artifact.Verifyf("it lists %d manifests and %d layers: more than %d are not supported", len(d.Manifests), len(d.Layers), maxLayers)
	}
	sizes := make(map[string]int64)
	for _, one := range slices.Concat(d.Manifests, d.blobs()) {
		if err := checkDescriptor(&one); err != nil {
			return err
		}
		text := one.Digest.String()
		if size, known := sizes[text]; known && size != one.Size {
			return artifact.Verifyf("it states two sizes for %s: %d and %d bytes", text, size, one.Size)
		}
		sizes[text] = one.Size
	}
	return nil
}

func checkDescriptor(d *v1.Descriptor) error {
	if !validDigest(d.Digest.String()) {
		return artifact.Verifyf("it has a descriptor with an invalid digest, %q", artifact.Printable(d.Digest.String()))
	}
	if d.Size < 0 || d.Size > maxBlob {
		return artifact.Verifyf("it states a size of %d bytes for %s", d.Size, d.Digest)
	}
	return nil
}

// opening is the beginning of some bytes, for an error that says what they are.
func opening(data []byte) string {
	const most = 40
	text := strings.ToValidUTF8(string(data[:min(len(data), most)]), "?")
	if len(data) > most {
		text += "…"
	}
	if strings.TrimSpace(text) == "" {
		return "an empty answer"
	}
	return fmt.Sprintf("%q", artifact.Printable(text))
}
