// Package receipt is the way back across the gap: a small signed file in which a site says what it has, what its clients asked for in vain, what its nodes
// have installed, and what its rules deny. The connected side sends what is missing, and changes its definition.
//
//	site: layouts, registries ──Holding──▶ Receipt ──Sign──▶ file, or codes on paper
//	connected side: file, or scanned lines ──Read──▶ Signed ──Verify──▶ Receipt ──Base──▶ what a bundle leaves out
//	                                                                            └─Want──▶ lines for the definition
//
// # The file
//
// A receipt is a text file: an indented JSON object (RFC 8259), then its signature. The signature covers all bytes before it, the newline at the
// end of the JSON included, and is in one of two forms:
//
//   - minisign's four lines, of which the first begins with "untrusted comment:". The signature is prehashed (Ed25519 over BLAKE2b-512).
//   - an armored detached OpenPGP signature (RFC 9580), which begins with "-----BEGIN PGP SIGNATURE-----".
//
// No line of the JSON begins like this, so standard tools divide the file:
//
//	sed '/^untrusted comment:/,$d' north.receipt >north.json
//	sed -n '/^untrusted comment:/,$p' north.receipt >north.json.minisig
//	minisign -V -p site.pub -m north.json
//
// The ID of a receipt is the SHA-256 of the JSON with its newline: what sha256sum prints for north.json.
//
// # What it says
//
// See Receipt for the fields. It names digests of blobs, items, rules and counts; no clients, no users, no nodes, no paths of the site's machines.
// The digests of blobs, by algorithm, are their bytes, sorted, one behind the other, in base64: 43 characters for each SHA-256.
//
//	jq -r .blobs.sha256 north.json | base64 -d | xxd -p -c 32
//
// A brief receipt leaves out the blobs of images that are complete: the connected side knows them if it can open the image of that digest.
//
// # Codes
//
// On paper, a receipt is one or several QR codes. Each holds a line of the characters that QR codes store best (0-9, A-Z, "-", ":" and "/"):
//
//	MM1:ID:NUMBER/COUNT:CHECK:DATA
//
// ID is the first 8 digits of the SHA-256 of the file, in upper case; CHECK the first 4 digits of the SHA-256 of DATA. The DATA of all lines, in
// the order of their numbers, are the file, compressed with gzip, padded with zero bytes to a multiple of 5, in base32 (RFC 4648):
//
//	sort -t: -k3n lines | cut -d: -f5 | tr -d '\n' | base32 -d | gunzip >north.receipt
package receipt
