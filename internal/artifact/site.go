package artifact

import (
	"io"
	"net/http"
)

// A Mirror is what an image has of one kind.
type Mirror struct {
	Pins
	PublicKey []byte // armored; signs what the mirror says of itself
}

// A Site is a running server, as a kind sees it.
type Site interface {
	// Mirror is what the site carries of the kind, without URLs and Metadata.
	Mirror() Mirror
	// Base is the site's address as the client of the request wrote it, without
	// a slash at the end. It needs no escaping.
	Base(r *http.Request) string

	// ServeFile answers a request with a file: caching headers, ranges, 304, 404 and what the rules
	// say are its business. name is an Item.FileID, a Generated.Path or a ProofID.
	ServeFile(w http.ResponseWriter, r *http.Request, name string)
	// Open opens such a file. The rules do not count.
	Open(name string) (io.ReadSeekCloser, error)

	// Decide is what the rules say of an item, for the client of the request, now. A kind that makes
	// a page for the client leaves out what is denied.
	Decide(r *http.Request, item *Item) Verdict
	// Ask names for the audit trail the item that the request is about, where no file of it is served.
	// With a verdict that denies, the request is denied: the kind answers in its own error format.
	Ask(r *http.Request, item *Item, verdict Verdict)
}

// A Verdict is what the rules say.
type Verdict struct {
	Allowed bool
	Rule    string // that decides: its place in the file of rules, "default", or empty: there are no rules
	Reason  string // of the rule, a line for people
}

// A Route is a path of the site, or all below a path that ends in "/", and who answers there.
type Route struct {
	Path string
	http.Handler
}
