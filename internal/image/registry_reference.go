package image

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// parseRegistry reads what follows "docker:" in whole, which must be //HOST/NAME[:TAG|@DIGEST].
func parseRegistry(whole, rest string) (Reference, error) {
	rest, found := strings.CutPrefix(rest, "//")
	if !found || !strings.Contains(rest, "/") {
		return Reference{}, artifact.Hint(
			artifact.Usagef("%q names no registry", whole),
			"write docker://HOST/NAME:TAG, for example docker://registry.example.org/site/docker:1")
	}
	ref, err := name.ParseReference(rest)
	if err != nil {
		return Reference{}, artifact.Hint(artifact.Usagef("%q: %w", whole, err), "write docker://HOST/NAME:TAG, the name in lower case")
	}
	if repository := ref.Context().RepositoryStr(); !layout.RepositoryName.MatchString(repository) {
		return Reference{}, artifact.Usagef("%q: %q is not a name in a registry", whole, repository)
	}
	return Reference{Transport: Docker, Path: ref.Context().Name(), Name: ref.Identifier()}, nil
}
