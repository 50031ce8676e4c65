package images

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// referrers implements content.
func (l *local) referrers(_ context.Context, _, digest string) ([]v1.Descriptor, error) {
	all, err := l.attached()
	return all[digest], err
}

// findAttached reads the manifests that the layout lists, and those below the tags of the referrers tag schema (OCI distribution
// specification 1.1): a layout has no other list of referrers.
func (l *local) findAttached() (map[string][]v1.Descriptor, error) {
	all := make(map[string][]v1.Descriptor)
	add := func(listed v1.Descriptor) (*manifest, error) {
		m, err := l.readManifest(listed)
		if err != nil {
			return nil, err
		}
		subject, d, err := describe(m)
		if err != nil {
			return nil, l.errorf("%s: %w", listed.Digest, err)
		}
		if subject != "" && !slices.ContainsFunc(all[subject], func(o v1.Descriptor) bool { return o.Digest == d.Digest }) {
			all[subject] = append(all[subject], d)
		}
		return m, nil
	}
	for _, i := range l.images {
		if !slices.Contains(manifestTypes, i.descriptor.MediaType) {
			continue // a layout may list anything
		}
		m, err := add(i.descriptor)
		if err != nil {
			return nil, err
		}
		if !validDigest(strings.Replace(i.tag, "-", ":", 1)) {
			continue
		}
		var index v1.Index
		if err := json.Unmarshal(m.data, &index); err != nil {
			return nil, l.errorf("%s: %w", i.descriptor.Digest, err)
		}
		for _, d := range index.Manifests {
			if _, err := add(d); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// manifestTypes are those of manifests and indexes; a descriptor may leave it out.
var manifestTypes = []string{"", v1.MediaTypeImageManifest, v1.MediaTypeImageIndex, dockerManifest, dockerList, "application/vnd.oci.artifact.manifest.v1+json"}

// describe is the descriptor of a manifest as a registry lists it among the referrers of its subject (OCI distribution specification 1.1,
// "Listing Referrers"); without a subject, it is empty.
func describe(m *manifest) (subject string, d v1.Descriptor, err error) {
	var fields struct {
		Subject      *v1.Descriptor    `json:"subject"`
		ArtifactType string            `json:"artifactType"`
		Config       v1.Descriptor     `json:"config"`
		Annotations  map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(m.data, &fields); err != nil || fields.Subject == nil {
		return "", d, err
	}
	d = m.descriptor
	d.Annotations = fields.Annotations
	if d.ArtifactType = fields.ArtifactType; d.ArtifactType == "" {
		d.ArtifactType = fields.Config.MediaType
	}
	return string(fields.Subject.Digest), d, nil
}

var _ content = (*local)(nil)
