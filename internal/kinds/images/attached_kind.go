package images

import (
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image/signature"
)

// The kind of an attached artifact follows from cosign's tag, the type of the artifact, the types of its layers, or the type of
// the statement in a layer or a bundle.

// Suffixes of cosign's tags "sha256-HEX.sig", and the kinds of artifacts at these tags.
var cosignTags = []struct{ suffix, kind string }{{".sig", signatures}, {".att", attestations}, {".sbom", sboms}}

// cosignTag is one of cosign's tags for what is attached to a manifest.
func cosignTag(digest, suffix string) string { return strings.Replace(digest, ":", "-", 1) + suffix }

// isAttachedTag reports whether a tag belongs to attached artifacts: one of cosign's, or a list of referrers.
func isAttachedTag(tag string) bool {
	algorithm, rest, _ := strings.Cut(tag, "-")
	encoded, suffix, _ := strings.Cut(rest, ".")
	return (algorithm == "sha256" || algorithm == "sha512") && len(encoded) >= 64 && strings.Trim(encoded, "0123456789abcdef") == "" &&
		(suffix == "" || slices.ContainsFunc(cosignTags, func(c struct{ suffix, kind string }) bool { return c.suffix == "."+suffix }))
}

// Annotations that name the type of a statement.
const (
	bundlePredicate = "dev.sigstore.bundle.predicateType"
	bundleContent   = "dev.sigstore.bundle.content"
	layerPredicate  = "in-toto.io/predicate-type" // BuildKit
	cosignPredicate = "predicateType"             // cosign
	signPredicate   = "https://sigstore.dev/cosign/sign/v1"
)

// kindsOf are the kinds of an attached artifact, in the words of a definition: several for an attestation that contains an SBOM; none if it
// is of another type. listed is its descriptor in the list of referrers.
func kindsOf(tag string, listed *v1.Descriptor, d *document) (kinds []string) {
	add := func(kind string) {
		if kind != "" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	for _, c := range cosignTags {
		if strings.HasSuffix(tag, c.suffix) {
			add(c.kind)
		}
	}
	types := []string{listed.ArtifactType, d.ArtifactType}
	if d.Config != nil {
		types = append(types, d.Config.MediaType)
	}
	annotations := []map[string]string{listed.Annotations, d.Annotations}
	for _, layer := range d.Layers {
		types = append(types, layer.MediaType)
		annotations = append(annotations, layer.Annotations)
	}
	bundle, stated := false, false
	for _, t := range types {
		bundle = bundle || strings.HasPrefix(t, "application/vnd.dev.sigstore.bundle")
		add(kindOfType(t))
	}
	for _, a := range annotations {
		for _, key := range []string{bundlePredicate, layerPredicate, cosignPredicate} {
			if predicate := a[key]; predicate != "" {
				stated = true
				if add(kindOfPredicate(predicate)); predicate != signPredicate {
					add(attestations)
				}
			}
		}
		if a[bundleContent] == "message-signature" {
			stated = true
			add(signatures)
		}
	}
	if bundle && !stated { // whoever wants either must not miss it
		add(signatures)
		add(attestations)
	}
	slices.Sort(kinds)
	return kinds
}

func kindOfPredicate(predicate string) string {
	switch text := strings.ToLower(predicate); {
	case predicate == signPredicate:
		return signatures
	case strings.Contains(text, "spdx"), strings.Contains(text, "cyclonedx"):
		return sboms
	}
	return ""
}

func kindOfType(mediaType string) string {
	text := strings.ToLower(mediaType)
	for _, known := range []struct{ part, kind string }{
		{"spdx", sboms}, {"cyclonedx", sboms}, {"sbom", sboms}, {"syft", sboms},
		{"in-toto", attestations}, {"dsse", attestations}, {"cosign.artifact.att", attestations},
		{"cosign.artifact.sig", signatures}, {"notary.signature", signatures},
	} {
		if strings.Contains(text, known.part) {
			return known.kind
		}
	}
	if signature.IsSignature(mediaType) && mediaType != signature.BundleType {
		return signatures
	}
	return ""
}

// wants reports whether an artifact of these kinds is carried.
func (r *referrers) wants(kinds []string) bool {
	return r.all || slices.ContainsFunc(kinds, r.has)
}
