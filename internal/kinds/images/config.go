package images

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	maxConfig = 16 << 20 // bytes
	maxLabel  = 500      // bytes of a label's value; longer ones are programs' own
	maxLabels = 200      // of an image
)

// A config is what the configuration of an image says: OCI image specification, "config.md"; Docker's is the same.
type config struct {
	Created string `json:"created"`
	v1.Platform
	Config struct {
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
}

// config reads an image's configuration.
func (r *reader) config(ctx context.Context, d *v1.Descriptor) (c config, err error) {
	data, err := r.in.blob(ctx, r.repository, *d, maxConfig)
	if err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, artifact.Verifyf("configuration %s: %w", d.Digest, err)
	}
	return c, nil
}

// labels are the labels of an image. Annotations of its manifest take precedence over those of its index, and these over labels in its configuration.
func labels(all ...map[string]string) (lines []string) {
	joined := make(map[string]string)
	for _, one := range all {
		maps.Copy(joined, one)
	}
	for _, name := range slices.Sorted(maps.Keys(joined)) {
		if value := joined[name]; len(lines) < maxLabels && len(name) <= maxLabel && len(value) <= maxLabel && utf8.ValidString(name+value) {
			lines = append(lines, line(keyLabel, artifact.Printable(name+"="+value)))
		}
	}
	return lines
}

// created is when an image was made, or empty. Reproducible images often give 1970, which says nothing.
func created(texts ...string) string {
	for _, text := range texts {
		if t, err := time.Parse(time.RFC3339, text); err == nil && t.Unix() > 0 {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
