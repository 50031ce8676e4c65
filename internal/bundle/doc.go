// Package bundle carries images over a gap: it cuts them into parts that are encrypted and verified one by one, and puts them together again.
//
//	content.Graph ──NewHeader──▶ Header: what the bundle consists of ──Export──▶ media ──(carried)──▶ Import ──▶ content.Sink
//
// # Files of a bundle
//
//	minimirror.bundle.json          the header
//	minimirror.bundle.json.minisig  its signature: minisign, of the prehashed form; or
//	minimirror.bundle.json.asc      OpenPGP: detached, armored
//	SHA256SUMS                      of the other files as they are carried, for sha256sum -c
//	part-0001.tar, part-0002.tar …  the parts: .tar.age or .tar.gpg if they are encrypted
//	fec-0001, fec-0002 …            parity of the parts, if it was asked for: internal/fec
//	copy/                           then the header and its signature again
//
// The header is JSON, in one canonical form: the fields in the order of the type Header, indented by two spaces, with a newline at the end; fields
// without a value are omitted. Any other form is refused.
//
// # The tar
//
// The parts in the clear, one behind the other, are one tar of an OCI image layout: oci-layout, index.json, then the blobs of the header in its
// order, as blobs/ALGORITHM/DIGITS. Files have mode 0644, uid and gid 0, and the time 1970-01-01; there are no folders. So the header alone
// determines every byte of the tar that is not content: the importer generates these bytes, and compares them.
//
// A part has at most partSize bytes as carried; in the clear at most what ClearLimit says. The tar is cut as early as necessary: an entry that fits
// into one part is never cut; a larger one begins in the part where the one before it ended, if there is room for its header and a block.
// The bytes of zeros that end the tar are part of the last part, for which ClearLimit leaves room.
//
// In the form "files", which is for guards that look at each file, there is no tar: oci-layout, index.json and each blob are a part of their own,
// under their path in the layout, in the clear.
//
// # Identity
//
// The id of a bundle is the SHA-256 of what determines its tar and its cuts: name, form, partSize, images, blobs, and the digests that are left out (base). The
// same images cut in the same way have the same id, so that a part can be exported again alone. Its bytes in the clear are the same; encrypted
// twice, they differ. Two bundles of the same id have the same content; their sequences may differ.
//
// A header may list fewer parts than partCount: it is written before the first part, again after each part, and at the end. Several headers of one id,
// recipients and signer complement each other. If they give a part's bytes in the clear differently, both are refused.
package bundle
