package images

import (
	"context"
	"errors"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A content is what the images of a source are read from: a registry, a layout or an archive. Repositories are called as the source's
// registry calls them: "library/nginx". What is not there is fs.ErrNotExist. The methods may be called by many goroutines.
type content interface {
	// repositories lists the repositories, sorted. The error is errNoCatalog if the registry does not tell.
	repositories(ctx context.Context) ([]string, error)
	// tags lists the tags of a repository, sorted.
	tags(ctx context.Context, repository string) ([]string, error)
	// manifest reads the manifest or index that a tag or a digest names. It is verified if version is a digest.
	manifest(ctx context.Context, repository, version string) (*manifest, error)
	// blob reads a blob that has at most limit bytes, and verifies it.
	blob(ctx context.Context, repository string, d v1.Descriptor, limit int64) ([]byte, error)
	// referrers are the descriptors of what is attached to a manifest by its subject, with artifactType and annotations; there may be none.
	referrers(ctx context.Context, repository, digest string) ([]v1.Descriptor, error)
	// file pins a manifest or a blob: where its bytes are, and their SHA-256. The folder is manifestFolder or blobFolder.
	file(ctx context.Context, repository, folder string, d v1.Descriptor) (artifact.File, error)
}

// A manifest is a manifest or an index, byte for byte.
type manifest struct {
	descriptor v1.Descriptor // MediaType, Digest and Size
	data       []byte
}

// errNoCatalog is that a registry does not list its repositories.
var errNoCatalog = errors.New("the registry does not list its repositories")

// maxManifest is how large a manifest may be, in bytes: OCI distribution specification 1.1, "Pushing manifests".
const maxManifest = 4 << 20

// Docker's own types of a manifest and of an index: Docker Registry image manifest version 2, schema 2.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)
