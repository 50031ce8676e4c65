// Package artifact is the vocabulary that every folder of miniMirror shares:
// what an item and its pinned files are, where they came from, and what a kind of
// items can do. It stands between all other folders and imports only the
// standard library.
//
//	mirror.yaml ──Kind.Parse, Resolve──▶ pins (lock) ──Kind.Publish──▶ files (image) ──Kind.Mount──▶ clients
package artifact

import (
	"cmp"
	"path"
	"strings"
	"time"
)

// A Source is one upstream and what it had published when it was locked.
type Source struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	URLs     []string  `json:"urls"`
	Releases []Release `json:"releases"` // sorted by Name
	// System is the name of the definition's section that the source belongs to, where a kind has several, one for each
	// system of the nodes; otherwise it is empty. Items of different systems are never mixed on a node.
	System string `json:"system,omitempty"`
	// ServeUpstream tells that clients may also have what upstream signed, unchanged,
	// below /upstream/NAME.
	ServeUpstream bool `json:"serve_upstream,omitempty"`
}

// A Release is one signed statement of an upstream about what it offers.
type Release struct {
	Name string    `json:"name"` // as the client asks for it
	Date time.Time `json:"date"` // when upstream published it
	// Undated means that upstream gives no usable date: Date is the time of the signature.
	Undated  bool     `json:"undated,omitempty"`
	URL      string   `json:"url"`
	SHA256   string   `json:"sha256"`    // of the signed bytes
	SignedBy []string `json:"signed_by"` // fingerprints of the keys that made its good signatures
	// Metadata is what clients must find again in our own release, line by line.
	Metadata []string `json:"metadata,omitempty"`
	// Proofs are the signed bytes and all that they cover on the way to the pins, in
	// the order of verification; none when the definition leaves them out.
	Proofs []Proof `json:"proofs,omitempty"`
}

// A Proof is a file of upstream that stands behind pins, as upstream has it.
type Proof struct {
	Path   string   `json:"path"` // as File.Path; no file of an item and no other proof of the source has it
	Size   int64    `json:"size"` // bytes
	SHA256 string   `json:"sha256"`
	URLs   []string `json:"urls"`
	// Data is the file itself, where upstream replaces it in place and so soon that
	// a lock would outlive it.
	Data []byte `json:"data,omitempty"`
	// Kept means that mirror.proofs beside the lock has the file. Only locks say so.
	Kept bool `json:"kept,omitempty"`
}

// UpstreamRoot is where a mirror keeps proofs: "upstream/SOURCE/PATH".
const UpstreamRoot = "upstream"

// ProofID names a proof of the source within an image.
func (s *Source) ProofID(p *Proof) string { return UpstreamRoot + "/" + s.Name + "/" + p.Path }

// A Set is a closure that must be installable offline on a bare node of one
// architecture, and of one system where the definition has several.
type Set struct {
	Name         string `json:"name"`
	System       string `json:"system,omitempty"` // as Source.System
	Architecture string `json:"architecture"`     // of the node, in the kind's words
	// Requested are the IDs of what is there for its own sake, sorted; the others are needed
	// by them.
	Requested []string `json:"requested"`
	// Items are IDs, each once, in an order in which they can be installed.
	Items []string `json:"items"`
}

// AnyArchitecture is the Set.Architecture of a set for every node, and the architecture of a node if a
// kind does not know it.
const AnyArchitecture = "any"

// CompareSets orders sets as a lock lists them: by name, system and architecture.
func CompareSets(a, b Set) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.System, b.System), strings.Compare(a.Architecture, b.Architecture))
}

// ValidPath reports whether p may be an Item.Key or a File.Path: relative,
// slash-separated, clean, without "..", control characters or backslashes.
func ValidPath(p string) bool {
	if p == "" || p == "." || p != path.Clean(p) || path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../") {
		return false
	}
	for i := range len(p) {
		if c := p[i]; c < 0x20 || c == 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

// ValidName reports whether name may name a definition, a source or a set: one
// element of a path and of an address that needs no escaping.
func ValidName(name string) bool {
	if name == "" || len(name) > 100 || name[0] == '.' || name[0] == '-' {
		return false
	}
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("-._+~", r):
		default:
			return false
		}
	}
	return true
}

// ValidSHA256 reports whether s is 64 lower-case hexadecimal digits.
func ValidSHA256(s string) bool { return len(s) == 64 && hexadecimal(s) }

// ValidSHA512 reports whether s is 128 lower-case hexadecimal digits.
func ValidSHA512(s string) bool { return len(s) == 128 && hexadecimal(s) }

func hexadecimal(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
