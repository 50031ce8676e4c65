// Package image is the format of miniMirror's images. It and the folders below it are all that knows layers. The builder
// writes the format; serve, bootstrap, inspect and verify read it, wherever the image is:
//
//	lock ──build──▶ oci:DIR, oci-archive:FILE, docker-archive:FILE ──Open─────┐
//	                │                                                         ├──▶ Image ──▶ files, in place
//	                │ in a running container: the tree /mirror ──────OpenRoot─┘
//	                └▶ any of these, docker://HOST/NAME:TAG, a pipe ──OpenReader──▶ Reader ──Fetch──▶ a few files
//
// An Image has its whole catalog in memory and gives every file at once, by sendfile(2); it
// is for serving. A Reader reads as little as it can, from anywhere, through
// whatever breaks on the way; it is for taking files out.
//
// # The image
//
// An image is an OCI image (OCI image specification 1.1) for one platform whose
// layers are uncompressed tar archives (POSIX ustar with pax extended headers),
// in this order:
//
//  1. the files of the items, and what upstream signed (/mirror/upstream/SOURCE/PATH), in any number of layers. In an image that follows no
//     other, each distinct combination of sets has layers of its own, with the files of the items that belong to exactly these sets, so that
//     a set's layers hold what it needs and little else. An image that follows another begins with layers of that one,
//     and adds what is new. Package placement decides;
//  2. the program: /minimirror alone, static, mode 0755;
//  3. what is generated: each kind's repository metadata, the public key
//     /mirror/minimirror.asc, and /bootstrap/SET/install.sh, which installs a set where the
//     image has been unpacked (/bootstrap/SET/SYSTEM/install.sh, if the set is for several systems);
//  4. the catalog: /mirror/minimirror.catalog and /mirror/minimirror.records.
//
// In versions 1 and 2 of the format, the program came first. Everything that is served lies under /mirror
// and begins with the name of its source: /mirror/SOURCE/PATH. The configuration's
// entry point is "/minimirror serve" without a command, and its user is numeric and not root; there is no environment and
// no volume. Its label org.opencontainers.image.revision is the digest of the lock, and
// io.github.minimirror.catalog leads to the catalog.
//
// A layer of an earlier image may have files that this image does not offer: unused files. Where layers have different files of one
// path, the highest of them has the one that is offered; so what a runtime unpacks has every file that is.
//
// Within a layer, entries are sorted by path, have their parent folders before them, and
// belong to uid and gid 0; see Layer, which writes them. A file of the catalog is a
// regular file, or a hard link to another of its layer: two paths then have one place.
//
// The image's name is not part of the image, so its digest does not depend on the name: names are annotations of the index, and
// RepoTags of a docker-archive. LocalNames makes the names of an image that did not come from a registry, from the catalog's
// head alone. The index of an OCI layout has one name, and a docker-archive has all of them.
//
// # The catalog
//
// The catalog names for each file the layer, by its place in the manifest's list of layers, and the
// offset of the content in that layer, uncompressed. Thus a reader needs the catalog alone to
// serve or to fetch any file by range, without scanning a layer. Transports that compress
// layers keep the places and the offsets true.
//
// A reader that wants a few files needs a small part of the catalog. It is made of a
// head and of records:
//
//		manifest ─sha256─▶ configuration ─label─▶ head ─sha256─▶ block ─sha256─▶ (block ─sha256─▶) file
//
//	  - The label is a JSON object: "sha256" of the head, and the places of "head" and "records" in
//	    the uncompressed last layer, each with "offset" and "size".
//	  - The head is a zstd frame (RFC 8878) of a JSON object (type Head): "version" of the format,
//	    "name", "date", "lock", a summary of each of the "sets", and the "tables".
//	  - The records are the blocks of the tables, one behind the other. A block is a zstd
//	    frame of rows; a row is a JSON value on a line of its own. Rows are sorted by their key,
//	    compared byte by byte, and rows with one key share a block.
//	  - A table lists its blocks in order: for each "first", the key of its first row, "offset" and
//	    "size" within the records, and "sha256". Where a table has "levels", what it lists are blocks of
//	    such lists, and so on for each level.
//
// The tables are
//
//   - "items": each item with its "files", of which each has "layer" and "offset", key KIND/NAME; among them aliases,
//     whose "alias_of" lists the names of the kind for which they stand. Items of one source may share files;
//   - "files": everything else under /mirror but the catalog itself, key: the path. Each has "modified",
//     which files of items have not;
//   - "sets": the items of each set, key SET/ARCHITECTURE or SET/SYSTEM/ARCHITECTURE, in an order in which a node of that
//     architecture and system can install them, without "urls" and "metadata";
//   - "sources": the sources, key: the name. A source with "system" is for nodes of that system only. "proofs" of a release name what upstream
//     signed: the signed bytes and the indexes that they cover, each one of the files;
//   - "unused": the unused files, key: the path, as in "files" but without "modified". The head's "unused" is how many bytes they have.
//
// In version 1 of the format an item was a single file: the table is called "artifacts", and its rows have "path", "size",
// "sha256", "urls", "layer" and "offset" themselves, "architecture" and "channels" instead of "attributes".
//
// No path is repeated, but for unused files. Unknown keys are ignored, so that a later program may add some; "version"
// rises when an older program would read wrongly.
//
// # Trust
//
// An image is data from elsewhere. Opening one verifies the chain from the
// index over the manifest and the configuration to the catalog's head by SHA-256, and each block when it is read.
// Every statement of the catalog that can be checked without reading the big layers is checked then; a false one
// is an error (artifact.ErrVerify where a digest or size is wrong), and no file
// is ever read outside its layer. Reader.Fetch hashes each file before it counts as delivered.
//
// Reader.Verify reads and hashes everything, and wants every layer to be byte by byte what Layer writes of the
// catalog's files: no other entry, none twice, no other header. Zeros may follow a layer's end. So every
// runtime unpacks just what was verified. The program and the scripts, which no catalog names, are each in their
// place, and the digest of the image alone vouches for their content. Of an unpacked tree, Verify wants no other files below /mirror.
//
// An unpacked tree and a docker-archive have no manifest: what they say of themselves is believed, and
// held together by the catalog. Only a digest that is known from elsewhere, as in docker://NAME@sha256:…,
// says that an image is the one that is meant.
//
// What is compressed may grow to 200 times its size, memory for a document, a head or a block is bounded, and what
// is copied to read it goes into a file without a name, which never fills the disk.
package image
