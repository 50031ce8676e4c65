package files

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// Describe implements artifact.Describer.
func (Kind) Describe(i *artifact.Item) (d artifact.Description) {
	d.Summary = map[way]string{
		fromFolder: "a file of " + i.Source + ", from its list of checksums", fromURL: "a file, by the digest that the definition gives",
		fromHelm: "a Helm chart", fromPath: "a file of this site",
	}[way(metadata(i.Metadata, keyFrom))]
	add := func(name, value string) {
		if value != "" {
			d.Fields = append(d.Fields, artifact.DescriptionField{Name: name, Value: []artifact.DescriptionPart{{Text: value}}})
		}
	}
	var chart struct{ Description, AppVersion string }
	if json.Unmarshal([]byte(metadata(i.Metadata, keyChart)), &chart) == nil && chart.Description != "" {
		d.Summary, _, _ = strings.Cut(chart.Description, "\n")
	}
	add("Version", i.Version)
	add("Application", chart.AppVersion)
	add("Path", filePath(i))
	add("Architecture", i.Architecture())
	add("Platform", strings.Join(i.Attributes.Values("platform"), ", "))
	add("SHA512", metadata(i.Metadata, keySHA512))
	p := placeOf(i)
	add("Installed as", fmt.Sprintf("%s, mode %04o", p.file, p.mode))
	return d
}

// Usage implements artifact.Guide.
func (Kind) Usage(m artifact.Mirror, base string) string {
	if len(m.Sources) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Files, for curl, wget and browsers:\n\n  curl -fsS %s%s\n", base, prefix)
	for i := range m.Sources {
		if s := &m.Sources[i]; isHelm(s) {
			fmt.Fprintf(&b, "  helm repo add %s %s%s%s\n", s.Name, base, prefix, s.Name)
		} else {
			fmt.Fprintf(&b, "  curl -fsSO %s%s%s/FILE\n", base, prefix, s.Name)
		}
	}
	fmt.Fprintf(&b, "\nEach source has SHA256SUMS, and SHA256SUMS.asc is the signature of it by the key of %s/minimirror.asc.\n", base)
	return b.String()
}

// Clients implements artifact.Guide: clients of files need no set-up.
func (Kind) Clients(artifact.Mirror, artifact.ClientOptions) []artifact.Client { return nil }

// Probe implements artifact.Prober: the list of each source must be signed by the key that the mirror offers, and readable.
func (Kind) Probe(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) error {
	key, err := get(ctx, "/minimirror.asc")
	if err != nil {
		return err
	}
	ring, err := openpgp.Parse(key, "/minimirror.asc")
	if err != nil {
		return err
	}
	sources, err := get(ctx, prefix)
	if err != nil {
		return err
	}
	for _, source := range strings.Fields(string(sources)) {
		list, err := get(ctx, prefix+source+sumsFile)
		if err != nil {
			return err
		}
		signature, err := get(ctx, prefix+source+sumsSignature)
		if err != nil {
			return err
		}
		if _, err := ring.VerifyDetached(list, signature, time.Now()); err != nil {
			return fmt.Errorf("%s%s%s: %w", prefix, source, sumsFile, err)
		}
		if _, err := parseSums(list); err != nil {
			return fmt.Errorf("%s%s%s: %w", prefix, source, sumsFile, err)
		}
	}
	return nil
}
