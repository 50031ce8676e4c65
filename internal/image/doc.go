// Package image defines the format of miniMirror's images. Only this package and the folders below it know about layers. The builder
// writes the format; serve, bootstrap, inspect and verify read it, wherever the image is:
//
//	lock ──build──▶ oci:DIR, oci-archive:FILE, docker-archive:FILE ──Open─────┐
//	                │                                                         ├──▶ Image ──▶ files, in place
//	                │ in a running container: the tree /mirror ──────OpenRoot─┘
//	                └▶ any of these, docker://HOST/NAME:TAG, a pipe ──OpenReader──▶ Reader ──Fetch──▶ a few files
//
// An Image has its whole catalog in memory and provides every file immediately, for sendfile(2); it
// is for serving. A Reader reads as little as possible, from anywhere, and
// resumes broken transfers; it is for extracting files.
//
// # The image
//
// An image is an OCI image (OCI image specification 1.1) for one platform whose
// layers are uncompressed tar archives (POSIX ustar with pax extended headers),
// in this order:
//
//  1. the files of the items, and what upstream signed (/mirror/upstream/SOURCE/PATH), in any number of layers. In an image without a
//     base, each distinct combination of sets has layers of its own, with the files of the items that belong to exactly these sets, so that
//     a set's layers hold what it needs and little else. An image with a base begins with layers of the base,
//     and adds new files. Package placement decides;
//  2. the program: /minimirror alone, static, mode 0755;
//  3. generated files: each kind's repository metadata, the public key
//     /mirror/minimirror.asc, what the items' files state of their licences
//     (/mirror/minimirror.licences; package sbom specifies it), and /bootstrap/SET/install.sh, which installs a set from the
//     unpacked image (/bootstrap/SET/SYSTEM/install.sh, if the set is for several systems);
//  4. the catalog: /mirror/minimirror.catalog and /mirror/minimirror.records.
//
// In versions 1 and 2 of the format, the program came first. All served files are under /mirror,
// and their paths begin with the name of the source: /mirror/SOURCE/PATH. The configuration's
// entry point is "/minimirror serve" without a command, and its user is numeric and not root; there is no environment and
// no volume. Its label org.opencontainers.image.revision is the digest of the lock, and
// io.github.minimirror.catalog is the location of the catalog.
//
// Images for several platforms are in an OCI image index. They differ in the layer of the program and in the configuration's architecture; all other
// layers are the same blobs, the catalog among them. A reader takes the image for its own platform, or for the one that
// Reference.Platform names.
//
// A layer of an earlier image may contain files that this image does not offer: unused files. If several layers have different files with
// the same path, the topmost layer has the file that is offered; so an unpacked image contains every offered file.
//
// Within a layer, entries are sorted by path, follow their parent folders, and
// belong to uid and gid 0; see Layer, which writes them. A file of the catalog is a
// regular file, or a hard link to another file of its layer, which is before it: two paths then share one place. The target may be an unused
// file. No link leads to another layer, because some runtimes unpack layers one by one into separate folders.
//
// The image's name is not part of the image, so its digest does not depend on the name: names are annotations of the index, and
// RepoTags of a docker-archive. LocalNames derives the names of an image that did not come from a registry from the catalog's
// head alone. The index of an OCI layout has one name, and a docker-archive has all of them.
//
// Artifacts about the image, such as lists of software and signatures, are manifests of their own, whose subject is the image; package attached
// describes them. In a layout, the index lists them after the image.
//
// # The catalog
//
// For each file, the catalog gives the layer, as an index into the manifest's list of layers, and the
// offset of the content in that uncompressed layer. So a reader needs only the catalog to
// serve or fetch any file by range, without scanning a layer. If a transport compresses
// layers, indexes and offsets stay valid.
//
// A reader that needs a few files reads a small part of the catalog. The catalog consists of a
// head and records:
//
//		manifest ─sha256─▶ configuration ─label─▶ head ─sha256─▶ block ─sha256─▶ (block ─sha256─▶) file
//
//	  - The label is a JSON object: "sha256" of the head, and the places of "head" and "records" in
//	    the uncompressed last layer, each with "offset" and "size".
//	  - The head is a zstd frame (RFC 8878) of a JSON object (type Head): "version" of the format,
//	    "name", "date", "lock", a summary of each of the "sets", the "layers" of files, and the "tables". Of each layer it has the
//	    "title" and, if it is known, the date of the lock of the first image with the layer, "added". If the image carries only
//	    the part of the lock that machines of one architecture may need, the head has this "architecture", in Go's words, and layers
//	    that images for other architectures do not have are marked "own".
//	  - The records are the concatenated blocks of the tables. A block is a zstd
//	    frame of rows; a row is a JSON value on a line of its own. Rows are sorted by their key,
//	    compared byte by byte, and rows with one key share a block.
//	  - A table lists its blocks in order: for each "first", the key of its first row, "offset" and
//	    "size" within the records, and "sha256". If a table has "levels", it lists blocks of
//	    such lists, and so on for each level.
//
// The tables are
//
//   - "items": each item with its "files", of which each has "layer" and "offset", key KIND/NAME; among them aliases,
//     whose "alias_of" lists the names of the kind for which they stand. Items of one source may share files;
//   - "files": everything else under /mirror except the catalog itself, key: the path. Each has "modified",
//     which files of items do not have;
//   - "sets": the items of each set, key SET/ARCHITECTURE or SET/SYSTEM/ARCHITECTURE, in an order in which a node of that
//     architecture and system can install them, without "urls" and "metadata";
//   - "sources": the sources, key: the name. A source with "system" is for nodes of that system only. "proofs" of a release name what upstream
//     signed: the signed bytes and the indexes that they cover, each one of the files;
//   - "unused": the unused files, key: the path, as in "files" but without "modified". The head's "unused" is their size in bytes.
//
// In version 1 of the format an item was a single file: the table is called "artifacts", and its rows have "path", "size",
// "sha256", "urls", "layer" and "offset" themselves, "architecture" and "channels" instead of "attributes".
//
// Paths are unique, except those of unused files. Unknown keys are ignored, so that later versions of the program can add some; "version"
// increases if an older program would misread the catalog.
//
// # Trust
//
// An image is untrusted input. Opening one verifies the SHA-256 chain from the
// index through the manifest and the configuration to the catalog's head; each block is verified when it is read.
// Everything in the catalog that can be checked without reading the big layers is checked then; a wrong value
// is an error (artifact.ErrVerify for a wrong digest or size), and no file
// is ever read outside its layer. Reader.Fetch hashes each file before it counts as delivered.
//
// Reader.Verify reads and hashes everything, and requires every layer to be byte for byte what Layer writes for the
// catalog's files: no other entries, no duplicates, no other headers. Zeros may follow a layer's end. So every
// runtime unpacks exactly what was verified. The program and the scripts, which the catalog does not list, must be in their
// places; only the digest of the image covers their content. In an unpacked tree, Verify allows no other files below /mirror.
//
// An unpacked tree and a docker-archive have no manifest: they are trusted as they are, and
// only checked against the catalog. Only a digest from another source, as in docker://NAME@sha256:…,
// identifies the intended image.
//
// Decompression is limited to 200 times the compressed size, and memory for a document, a head or a block is bounded. Data that must
// be copied to be read goes into an unnamed file, which never fills the disk.
package image
