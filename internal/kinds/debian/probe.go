package debian

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// Probe implements artifact.Prober. It does what apt does, starting at SourcesPath: every InRelease must
// bear a good signature by the key that SourcesPath names, and the first of its indexes must have the digest that it says.
func (Kind) Probe(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) error {
	text, err := get(ctx, SourcesPath+"?codename="+allSystems)
	if err != nil {
		return err
	}
	sources, err := deb822.ParseParagraphs(text)
	if err != nil {
		return fmt.Errorf("%s: %w", SourcesPath, err)
	}
	if len(sources) == 0 {
		return fmt.Errorf("%s: no sources", SourcesPath)
	}
	for _, source := range sources {
		base, err := url.Parse(source.Get("URIs"))
		if err != nil {
			return fmt.Errorf("%s: URIs: %w", SourcesPath, err)
		}
		key := strings.ReplaceAll(source.Get("Signed-By"), "\n.\n", "\n\n")
		keys, err := openpgp.Parse([]byte(strings.TrimSpace(key)+"\n"), SourcesPath)
		if err != nil {
			return err
		}
		for _, suite := range source.List("Suites") {
			if err := probeSuite(ctx, get, keys, path.Join(base.Path, deb822.Dists(suite))); err != nil {
				return err
			}
		}
	}
	return nil
}

func probeSuite(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error), keys openpgp.Keyring, folder string) error {
	file := path.Join(folder, "InRelease")
	signed, err := get(ctx, file)
	if err != nil {
		return err
	}
	text, _, err := keys.VerifyInline(signed, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	r := &archive.Release{}
	if err := r.Parse(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for name, want := range r.Files {
		if path.Base(name) != "Packages.gz" {
			continue
		}
		index := path.Join(folder, path.Dir(name), "by-hash/SHA256", want.SHA256)
		data, err := get(ctx, index)
		if err != nil {
			return err
		}
		if deb822.SHA256(data) != want.SHA256 {
			return artifact.Verifyf("%s: another digest than %s says", index, file)
		}
		return nil
	}
	return errors.New(file + ": it names no index")
}
