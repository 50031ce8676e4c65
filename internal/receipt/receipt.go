package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Version of the format.
const Version = 1

// purpose is the first key's value: a signature of a receipt is never that of anything else.
const purpose = "receipt"

// A Receipt is what a site says.
type Receipt struct {
	Purpose string    `json:"minimirror"` // "receipt"
	Version int       `json:"version"`
	Name    string    `json:"name"`              // of the site, or of the bundles for it: see export --name
	Created time.Time `json:"created"`           // by the site's clock, UTC, seconds
	Program string    `json:"program,omitempty"` // that made it, and its version

	Imported []Import `json:"imported,omitempty"` // the last bundle of each name and signer
	Images   []Image  `json:"images"`             // sorted by name and digest
	Blobs    Blobs    `json:"blobs"`
	Damaged  []Damage `json:"damaged,omitempty"` // sorted by digest: files that are there, and not what they should be

	Asked  *Asked   `json:"asked,omitempty"`  // null: the audit trail was not read
	Nodes  *Nodes   `json:"nodes,omitempty"`  // null: no list of what nodes have was read
	Denied []Denied `json:"denied,omitempty"` // by the rules, in their order
	Rules  bool     `json:"rules,omitempty"`  // whether rules were read
}

// An Import is the last bundle that was imported.
type Import struct {
	Name     string `json:"name"`
	Signer   string `json:"signer,omitempty"`
	Sequence int64  `json:"sequence"`
	ID       string `json:"id"`
}

// An Image is one that the site has, completely or not.
type Image struct {
	Name   string        `json:"name,omitempty"` // as a layout's index.json or a registry has it
	Digest digest.Digest `json:"digest"`         // of the manifest or the index
	Blobs  int           `json:"blobs"`          // that are there, the manifest included
	Bytes  int64         `json:"bytes"`          // of these
	// Complete means that everything below the digest is there, and nothing was left out of an index.
	Complete bool `json:"complete,omitempty"`
	// Implied means that Receipt.Blobs leaves out its blobs: they are what the digest stands for. Only of a complete image; then MediaType and Size
	// are those of the manifest or index.
	Implied   bool   `json:"implied,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	Size      int64  `json:"size,omitempty"`
	// Unread means that the blobs were not read: a registry says that it has them.
	Unread bool `json:"unread,omitempty"`
	// Lacks are blobs that the image consists of and the site does not have, sorted.
	Lacks []digest.Digest `json:"lacks,omitempty"`
	// LeftOut counts the manifests that an index lists and the site does not have, as is usual if a mirror carries some platforms only.
	LeftOut int `json:"left_out,omitempty"`
}

// A Damage is a file whose content does not have the digest in its name.
type Damage struct {
	Digest digest.Digest `json:"digest"`
	Why    string        `json:"why"`
}

// Asked is what clients asked for and the images lack, the most wanted first.
type Asked struct {
	From  time.Time   `json:"from,omitzero"` // of the first request of the audit trail, whatever it asked for
	To    time.Time   `json:"to,omitzero"`
	Total int         `json:"total"` // rows in all, of which Items may be the beginning
	Items []AskedItem `json:"items"`
}

// An AskedItem is an item as far as the request tells it.
type AskedItem struct {
	Kind string `json:"kind,omitempty"`
	artifact.Asked
}

// A Denied is what one rule denies to everybody.
type Denied struct {
	Rule   string   `json:"rule"` // its place in the file of rules
	Match  string   `json:"match"`
	Reason string   `json:"reason,omitempty"`
	Total  int      `json:"total"` // items
	Names  []string `json:"names"` // the first of them, each once: "KIND NAME"
}

// Encode is the JSON of the receipt, with a newline at the end: the same receipt gives the same bytes.
func (r *Receipt) Encode() ([]byte, error) {
	r.Purpose, r.Version, r.Created = purpose, Version, r.Created.UTC().Truncate(time.Second)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(r)
	return out.Bytes(), err
}

// decode reads what Encode has written.
func decode(body []byte) (*Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("not a receipt: %w", err)
	}
	switch {
	case r.Purpose != purpose:
		return nil, fmt.Errorf("not a receipt: it says that it is %q", r.Purpose)
	case r.Version != Version:
		return nil, artifact.Hint(fmt.Errorf("a receipt of version %d, and this program reads %d", r.Version, Version), "read it with the program that the site has, or a later one")
	case r.Created.IsZero():
		return nil, fmt.Errorf("the receipt does not say when it was made")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// maxName is the longest name, in bytes: that of a bundle, which gets the receipt's.
const maxName = 512

func (r *Receipt) check() error {
	switch {
	case r.Name == "":
		return fmt.Errorf("the receipt has no name")
	case len(r.Name) > maxName || !utf8.ValidString(r.Name) || oneLine(r.Name) != r.Name:
		return fmt.Errorf("the name %q is too long or has characters that are not visible", r.Name[:min(len(r.Name), maxName)])
	case r.Asked != nil && r.Asked.Total < len(r.Asked.Items):
		return fmt.Errorf("the receipt lists %d of what was asked for, and counts %d", len(r.Asked.Items), r.Asked.Total)
	}
	for _, d := range r.Damaged {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("damaged: digest %q: %w", string(d.Digest), err)
		}
	}
	for _, im := range r.Images {
		if err := im.check(); err != nil {
			return err
		}
	}
	return nil
}

// Title names the image for people.
func (im *Image) Title() string {
	if im.Name != "" {
		return im.Name
	}
	return im.Digest.String()
}

func (im *Image) check() error {
	for _, d := range append([]digest.Digest{im.Digest}, im.Lacks...) {
		if err := d.Validate(); err != nil {
			return fmt.Errorf("image %s: digest %q: %w", oneLine(im.Name), string(d), err)
		}
	}
	if im.Implied && (!im.Complete || len(im.Lacks) > 0) {
		return fmt.Errorf("image %s: its blobs are implied, and it is not complete", im.Digest)
	}
	return nil
}

// idOf is the ID of a receipt with this JSON.
func idOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
