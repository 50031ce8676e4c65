package debian

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// pin turns the closure into pins.
func (up *upstream) pin(ctx context.Context, from artifact.Upstream, s *spec, closure *Closure) (*artifact.Resolution, error) {
	result := &artifact.Resolution{}
	bySource := make(map[string]*source)
	for i := range up.sources {
		src := &up.sources[i]
		bySource[src.name] = src
		pinned := artifact.Source{Kind: Kind{}.Name(), Name: src.name, URLs: src.urls, ServeUpstream: s.upstream == upstreamServe}
		for j, r := range up.releases[i] {
			pinned.Releases = append(pinned.Releases, artifact.Release{
				Name: r.suite, Date: r.date, Undated: r.undated != nil, URL: r.url, SHA256: r.digest, SignedBy: r.Signers,
				Metadata: r.metadata(src.suites[j].components, src.architectures), Proofs: up.proofs(src, r, s.upstream)})
		}
		sortReleases(pinned.Releases)
		result.Sources = append(result.Sources, pinned)
	}
	paths := make(map[string]*artifact.Item) // by ID
	requested := make(map[*Package]struct{}, len(closure.Requested))
	for _, p := range closure.Requested {
		requested[p] = struct{}{}
	}
	ids := make(map[*Package]string)
	pins := make([]artifact.Item, len(closure.Packages))
	for i, p := range closure.Packages {
		var err error
		if pins[i], err = pinPackage(p, bySource[p.Origins[0].Source]); err != nil {
			return nil, err
		}
	}
	if err := identify(ctx, from, pins); err != nil {
		return nil, err
	}
	for i, p := range closure.Packages {
		a := pins[i]
		a.Security = up.security(p)
		// Two versions that differ only in their epoch have the same file name.
		file := &a.Files[0]
		if other, taken := paths[a.ID()]; taken && other.Files[0].SHA256 != file.SHA256 {
			file.Path = path.Join(path.Dir(file.Path), file.SHA256[:16], path.Base(file.Path))
		}
		if other, taken := paths[a.ID()]; taken {
			return nil, artifact.Hint(fmt.Errorf("debian: source %s: %s and %s have the same file, %s", a.Source, other, &a, file.Path), "exclude one of them: exclude: [%s=%s]", p.Name, p.Version)
		}
		paths[a.ID()] = &pins[i]
		ids[p] = a.ID()
		_, a.Requested = requested[p]
		result.Items = append(result.Items, a)
	}
	for _, from := range closure.Sets {
		set := artifact.Set{Name: from.Name, Architecture: from.Architecture, Requested: []string{}, Items: []string{}}
		for _, p := range from.Packages {
			set.Items = append(set.Items, ids[p])
		}
		for _, p := range from.Requested {
			set.Requested = append(set.Requested, ids[p])
		}
		slices.Sort(set.Requested)
		set.Requested = slices.Compact(set.Requested)
		result.Sets = append(result.Sets, set)
	}
	return result, nil
}

// identify fetches pins for which upstream signs only SHA-512, to compute their SHA-256.
func identify(ctx context.Context, from artifact.Upstream, pins []artifact.Item) error {
	var unknown []*artifact.Item
	for i := range pins {
		if pins[i].Files[0].SHA256 == "" {
			unknown = append(unknown, &pins[i])
		}
	}
	return each(len(unknown), parallelPackages, func(i int) error {
		a := unknown[i]
		content, err := artifact.Bring(ctx, from, a.Files[0].URLs, artifact.Content{Size: a.Files[0].Size, SHA512: signedSHA512(a)})
		if err != nil {
			return fmt.Errorf("debian: source %s: %s: %w", a.Source, a, err)
		}
		a.Files[0].SHA256 = content.SHA256
		return nil
	})
}

// signedSHA512 is the SHA-512 of an artifact for which upstream signs no SHA-256.
func signedSHA512(a *artifact.Item) string { return metadataField(a, "SHA512") }

const parallelPackages = 32

const maxPackage = 1 << 40 // bytes

var errWeakDigests = errors.New("the index names neither a SHA256 nor a SHA512 digest; weaker ones are not accepted")

// pinPackage pins a package to the first source that has it.
func pinPackage(p *Package, src *source) (artifact.Item, error) {
	file, err := filePath(p.Filename)
	a := artifact.Item{Kind: Kind{}.Name(), Source: src.name, Name: p.Name, Version: p.Version,
		Metadata: stanzaOf(p.Stanza(0)), Files: []artifact.File{{Path: file, Size: p.Size, SHA256: p.SHA256, URLs: src.addresses(file)}}}
	var channels []string
	for _, o := range p.Origins {
		if o.Source == src.name {
			channels = append(channels, channel(o.Suite, o.Component))
		}
	}
	a.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {p.Architecture}, "channel": channels})
	switch {
	case err != nil:
		return a, fmt.Errorf("debian: source %s: %s: %w", src.name, &a, err)
	case !artifact.ValidSHA256(p.SHA256) && !artifact.ValidSHA512(p.SHA512):
		return a, artifact.Hint(artifact.Verifyf("debian: source %s: %s: %w", src.name, &a, errWeakDigests), "%s", weakHint)
	}
	if strings.Contains("/"+p.Filename, "//") { // an object store has the file only at this path; a file server at both
		a.Files[0].URLs = append(src.addresses(p.Filename), a.Files[0].URLs...)
	}
	return a, nil
}

// filePath is the path of a file below its source, from its Filename as archives write
// it: "./x", "/pool/x", "a//b". It never leads outside the source, even if a proxy
// decodes an address more than once.
func filePath(filename string) (string, error) {
	if filename == "" {
		return "", errors.New("it has no Filename")
	}
	invalid := fmt.Errorf("invalid Filename %q", excerpt(filename))
	relative := strings.TrimLeft(filename, "/")
	file := path.Clean(relative)
	if !artifact.ValidPath(file) || !utf8.ValidString(file) || strings.HasSuffix(relative, "/") || strings.Contains(relative, "://") {
		return file, invalid
	}
	for before, decoded := "", relative; before != decoded; {
		before = decoded
		if once, err := url.PathUnescape(before); err == nil {
			decoded = once
		}
		if decoded != before && (strings.Contains(decoded, "\\") || slices.ContainsFunc(strings.Split(decoded, "/"), isDots)) {
			return file, invalid
		}
	}
	// The mirror has its own metadata there; some archives keep packages beside theirs.
	if file == "dists" || strings.HasPrefix(file, "dists/") && !isPackageFile(file) {
		return file, fmt.Errorf("invalid Filename %q: only files that end in .deb, .ddeb or .udeb can be below dists", excerpt(filename))
	}
	return file, nil
}

// isPackageFile reports whether a file is a package by its name: Ubuntu's packages of debug symbols end in .ddeb, those of
// installers in .udeb.
func isPackageFile(name string) bool {
	return slices.Contains([]string{".deb", ".ddeb", ".udeb"}, path.Ext(name))
}

func isDots(segment string) bool { return segment == "." || segment == ".." }
