// Package layout defines the paths inside an image, and the names of an image that came in a file. Package image specifies
// what these paths contain.
package layout

// Places inside the image.
const (
	ProgramPath  = "minimirror"                        // the static program
	Root         = "mirror"                            // the folder of everything that is served
	ScriptRoot   = "bootstrap"                         // the folder of installation scripts, SET/install.sh or SET/SYSTEM/install.sh
	ScriptName   = "install.sh"                        // see ScriptRoot
	KeyPath      = "minimirror.asc"                    // below Root: the public signing key, armored
	HeadName     = "minimirror.catalog"                // below Root: the catalog's head
	RecordsName  = "minimirror.records"                // below Root: the catalog's records
	LicencesName = "minimirror.licences"               // below Root: what the items' files state of their licences
	Revision     = "org.opencontainers.image.revision" // label: digest of the lock
	CatalogLabel = "io.github.minimirror.catalog"      // label: where the catalog is; see NewLayer
)
