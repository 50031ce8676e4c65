// Package image is the format of miniMirror's images, and the only package that
// knows layers. The builder writes the format; serve, bootstrap, inspect and
// verify read it, wherever the image is:
//
//	lock ──build──▶ oci:DIR, oci-archive:FILE, docker-archive:FILE ──Open─────┐
//	                                                                          ├──▶ Image ──▶ files
//	                in a running container: the tree /mirror ──────OpenRoot───┘
//
// # The image
//
// An image is an OCI image (OCI image specification 1.1) for one platform whose
// layers are uncompressed tar archives (POSIX ustar with pax extended headers),
// in this order:
//
//  1. the program: /minimirror alone, static, mode 0755;
//  2. one layer for each distinct combination of sets: the artifacts that belong
//     to exactly these sets, so that a set's layers hold what it needs and little else;
//  3. the artifacts that belong to no set, split by size into any number of layers;
//  4. what upstream signed: /mirror/upstream/SOURCE/PATH;
//  5. what is generated: each kind's repository metadata and the public key
//     /mirror/minimirror.asc;
//  6. the catalog: /mirror/catalog.json alone (with its parent folder, at most).
//
// A layer of 2, 3 or 4 that would be empty is left out, so only the first layer and
// the last two have a fixed place. Everything that is served lies under /mirror
// and begins with the name of its source: /mirror/SOURCE/PATH. The configuration's
// entry point is "/minimirror serve", its user is numeric, and its label
// org.opencontainers.image.revision is the digest of the lock.
//
// Within a layer, entries are sorted by path, have their parent folders before them, and
// belong to uid and gid 0; see Layer, which writes them. A file of the catalog is a
// regular file, or a hard link to another of its layer: two paths then have one place.
//
// # The catalog
//
// The catalog is one JSON object (type Catalog), its "version" first. It names for each
// file the layer, by its place in the manifest's list of layers, and the offset of
// the content in that layer, uncompressed. Thus a reader needs the catalog alone to serve or to fetch any
// file by range, without scanning a layer. Transports that compress
// layers keep the places and the offsets true; such layers must be uncompressed
// before they can be read in place.
//
//   - "files" lists everything under /mirror but the catalog itself: sorted by path,
//     no path twice.
//   - "artifacts" is sorted by artifact.Compare. Each artifact is one of the files:
//     File.Path is its ID, the sizes and digests are equal, and the file has no "modified".
//   - "proofs" of a release name what upstream signed: the signed bytes and the indexes
//     that they cover, each one of the files.
//   - Every file that is not an artifact has "modified".
//   - "sets" are sorted by name and architecture. Each names its artifacts by ID, in
//     an order in which a node of that architecture can install them.
//   - Unknown keys are ignored, so that a later program may add some; "version" rises when
//     an older program would read wrongly.
//
// # Trust
//
// An image is data from elsewhere. Opening one verifies the chain from the
// index over the manifest and the configuration to the catalog's layer by SHA-256, and
// checks every statement of the catalog that can be checked without reading the big layers; a false one
// is an error (artifact.ErrVerify where a digest or size is wrong), and no file
// is ever read outside its layer. Image.Verify reads and hashes everything.
package image
