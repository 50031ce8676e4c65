package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/content"
	dump "github.com/minimirror/minimirror/internal/content/registry"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// destinations parses --to. Folders come first: what is in a registry as well is copied from there.
func (f *importFlags) destinations() (refs []image.Reference, err error) {
	for _, text := range f.to {
		ref, err := parseDestination(text)
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		refs = append(refs, ref)
	}
	slices.SortStableFunc(refs, func(a, b image.Reference) int {
		return map[string]int{image.Docker: 1}[a.Transport] - map[string]int{image.Docker: 1}[b.Transport]
	})
	return refs, checkPrefix(f.prefix, refs)
}

// renamed gives the image the name that --to oci:DIR:NAME says.
func renamed(all []content.Image, refs []image.Reference) ([]content.Image, error) {
	for _, ref := range refs {
		if ref.Transport != image.OCI || ref.Name == "" {
			continue
		}
		all = slices.Clone(all)
		n := 0
		for i := range all {
			if all[i].Subject == "" {
				all[i].Name = ref.Name
				n++
			}
		}
		if n != 1 {
			return nil, artifact.Hint(artifact.Usagef("--to %s: the bundle has %d images, which cannot all have this name", ref, n), "write oci:%s; the images keep their names", ref.Path)
		}
	}
	return all, nil
}

// parseDestination reads what import --to names: as ParseReference does, or docker://HOST.
func parseDestination(text string) (image.Reference, error) {
	if host, is := registryAlone(text); is {
		return image.Reference{Transport: image.Docker, Path: host}, nil
	}
	return image.ParseReference(text)
}

// checkPrefix wants a beginning of names.
func checkPrefix(prefix string, refs []image.Reference) error {
	if prefix == "" {
		return nil
	}
	if !layout.RepositoryName.MatchString(prefix + "x") {
		return artifact.Hint(artifact.Usagef("--prefix %q: not the beginning of a name in a registry", prefix), "write --prefix mirror/, in lower case")
	}
	for _, ref := range refs {
		if ref.Transport == image.Docker && ref.Name == "" {
			return nil
		}
	}
	return artifact.Hint(artifact.Usagef("--prefix requires a registry without a name"), "write --to docker://HOST --prefix %s", prefix)
}

// openRegistrySink opens a registry for an import. The manifests wait beside the file that remembers what was imported.
func openRegistrySink(ref image.Reference, prefix string, h *bundle.Header, state string, o *registry.Options) (content.Sink, error) {
	host, repository, _ := strings.Cut(ref.Path, "/")
	sum := sha256.Sum256([]byte(ref.String() + " " + prefix))
	staging := filepath.Join(filepath.Dir(state), "manifests", h.ID+"-"+hex.EncodeToString(sum[:8]))
	var base []content.Blob
	if h.Base != nil {
		base = h.Base.Blobs
	}
	return dump.NewSink(dump.Target{Host: host, Repository: repository, Reference: ref.Name, Prefix: prefix}, *o, h.Images, base, staging)
}

// openSink opens a destination of an import. The name of an OCI layout's image is applied by renamed.
func (f *importFlags) openSink(ref image.Reference, h *bundle.Header) (content.Sink, error) {
	switch ref.Transport {
	case image.OCI:
		return content.NewLayoutSink(ref.Path, h.ID)
	case image.Docker:
		state, err := stateFile(f.state)
		if err != nil {
			return nil, err
		}
		return openRegistrySink(ref, f.prefix, h, state, f.registry)
	}
	return nil, artifact.Hint(artifact.Usagef("--to %s: not a destination of an import", ref), "name oci:DIR[:NAME], docker://HOST/NAME:TAG or docker://HOST")
}

// recordFiles are the files that remember what was imported: one in each layout, else the one of --state.
func recordFiles(refs []image.Reference, state string) (all []bundle.RecordFile, err error) {
	for _, ref := range refs {
		if ref.Transport == image.OCI {
			all = append(all, bundle.RecordFile(filepath.Join(ref.Path, bundle.RecordName)))
		}
	}
	if state == "" && all == nil {
		if state, err = stateFile(""); err != nil {
			return nil, err
		}
	}
	if state != "" {
		all = append(all, bundle.RecordFile(state))
	}
	return all, nil
}

// stateFile is the file of --state; where that is not given, one in the user's folder for the state of programs.
func stateFile(state string) (string, error) {
	if state != "" {
		return state, nil
	}
	folder, err := stateFolder()
	if err != nil {
		return "", artifact.Hint(err, "name a file that remembers what was imported: --state FILE")
	}
	return filepath.Join(folder, bundle.RecordName), nil
}

// stateFolder is where the program remembers something for this user: $XDG_STATE_HOME/minimirror.
func stateFolder() (string, error) {
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "minimirror"), nil
}
