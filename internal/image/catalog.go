package image

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Places inside the image.
const (
	ProgramPath = "minimirror"                        // the static program
	Root        = "mirror"                            // the folder of everything that is served
	KeyPath     = "minimirror.asc"                    // below Root: the public signing key, armored
	CatalogName = "catalog.json"                      // below Root
	CatalogPath = Root + "/" + CatalogName            // the catalog, alone in the last layer
	Revision    = "org.opencontainers.image.revision" // label: digest of the lock
)

// A Catalog is the image's own list of what it holds and where. It is JSON, the
// only file of the image's last layer.
type Catalog struct {
	Version   int                 `json:"version"` // of this format: 1
	Name      string              `json:"name"`    // of the definition
	Date      time.Time           `json:"date"`    // of the lock
	Lock      string              `json:"lock"`    // digest of mirror.lock, "sha256:…"
	Sources   []artifact.Source   `json:"sources"`
	Sets      []artifact.Set      `json:"sets"`
	Artifacts []artifact.Artifact `json:"artifacts"` // in the order of artifact.Compare
	Files     []File              `json:"files"`     // generated files and artifacts, sorted by path
}

// A File of the mirror: an artifact (Path is its ID) or a generated file.
type File struct {
	Path   string `json:"path"`   // below Root
	Layer  int    `json:"layer"`  // place in the manifest's list of layers, from 0
	Offset int64  `json:"offset"` // of the first byte of content in the uncompressed layer
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Modified is the time that a generated file carries; zero for artifacts.
	Modified time.Time `json:"modified,omitzero"`
}
