package images

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/guide"
)

// Usage implements artifact.Guide.
func (Kind) Usage(m artifact.Mirror, base string) string {
	if len(m.Sources) == 0 {
		return ""
	}
	return guide.Usage(registriesOf(m), base)
}

// Clients implements artifact.Guide.
func (Kind) Clients(m artifact.Mirror, o artifact.ClientOptions) []artifact.Client {
	if len(m.Sources) == 0 {
		return nil
	}
	return guide.Clients(registriesOf(m), o)
}

// registriesOf are the registries of a mirror, sorted.
func registriesOf(m artifact.Mirror) (all []guide.Registry) {
	for i := range m.Sources {
		all = append(all, guide.Registry{Name: registryName(m.Sources[i].Name), Folder: m.Sources[i].Name})
	}
	slices.SortFunc(all, func(a, b guide.Registry) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Probe implements artifact.Prober: the registry answers at /v2/, and the manifest of a tag is the one that its digest names.
func (Kind) Probe(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) error {
	if _, err := get(ctx, "/v2/"); err != nil {
		return err
	}
	var catalog struct {
		Repositories []string `json:"repositories"`
	}
	if err := getJSON(ctx, get, "/v2/_catalog?n=100", &catalog); err != nil {
		return err
	}
	for _, repository := range catalog.Repositories {
		var list struct {
			Tags []string `json:"tags"`
		}
		if err := getJSON(ctx, get, "/v2/"+repository+"/tags/list?n=1", &list); err != nil {
			return err
		}
		if len(list.Tags) == 0 {
			continue // images requested by digest alone
		}
		return probeManifest(ctx, get, "/v2/"+repository+"/manifests/", list.Tags[0])
	}
	return nil
}

// probeManifest reads a manifest by its tag, then by the digest of the answer.
func probeManifest(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error), folder, tag string) error {
	data, err := get(ctx, folder+tag)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(data)
	var again []byte
	for _, digest := range []string{sha256Of(data), "sha512:" + hex.EncodeToString(sum[:])} {
		if again, err = get(ctx, folder+digest); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("the mirror does not have the manifest of %s%s by its digest: %w", folder, tag, err)
	}
	if string(again) != string(data) {
		return artifact.Verifyf("%s%s: the manifest does not match its digest", folder, tag)
	}
	return nil
}

func getJSON(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error), path string, v any) error {
	data, err := get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
