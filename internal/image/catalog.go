package image

import (
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Places inside the image.
const (
	ProgramPath  = "minimirror"                        // the static program
	Root         = "mirror"                            // the folder of everything that is served
	ScriptRoot   = "bootstrap"                         // the folder of installation scripts, SET/install.sh
	ScriptName   = "install.sh"                        // see ScriptRoot
	KeyPath      = "minimirror.asc"                    // below Root: the public signing key, armored
	HeadName     = "minimirror.catalog"                // below Root: the catalog's head
	RecordsName  = "minimirror.records"                // below Root: the catalog's records
	Revision     = "org.opencontainers.image.revision" // label: digest of the lock
	CatalogLabel = "io.github.minimirror.catalog"      // label: where the catalog is; see NewCatalogLayer
)

// A Catalog is the image's own list of what it holds and where.
type Catalog struct {
	Name    string            `json:"name"` // of the definition
	Date    time.Time         `json:"date"` // of the lock
	Lock    string            `json:"lock"` // digest of mirror.lock, "sha256:…"
	Sources []artifact.Source `json:"sources"`
	Sets    []artifact.Set    `json:"sets"`
	Items   []artifact.Item   `json:"artifacts"` // in the order of artifact.Compare
	Aliases []Alias           `json:"aliases"`   // in the order of kind and name
	Files   []File            `json:"files"`     // generated files and artifacts, sorted by path
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

// A Record is an artifact and its place.
type Record struct {
	artifact.Item
	Layer  int   `json:"layer"`
	Offset int64 `json:"offset"`
}

// File is the artifact as a file of the mirror.
func (r *Record) File() File {
	return File{Path: r.ID(), Layer: r.Layer, Offset: r.Offset, Size: r.Size, SHA256: r.SHA256}
}

// An Alias is another name under which artifacts of a kind can be asked for.
type Alias struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	Of   []string `json:"alias_of"` // names of artifacts of the kind, sorted
}

// A SetSummary is a set without the list of its artifacts.
type SetSummary struct {
	artifact.Set       // Artifacts is nil
	Count        int   `json:"count"` // of artifacts
	Size         int64 `json:"size"`  // of all, bytes
}
