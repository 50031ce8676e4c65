package artifact

import (
	"io"
	"net/http"
)

// A Mirror is the part of an image that belongs to one kind.
type Mirror struct {
	Pins
	PublicKey []byte // armored; signs what the mirror says of itself
}

// A Site is a running server, as a kind sees it.
type Site interface {
	// Mirror returns the site's items of the kind, without URLs and Metadata.
	Mirror() Mirror
	// Base is the site's address as the client of the request wrote it, without
	// a slash at the end. It needs no escaping.
	Base(r *http.Request) string

	// ServeFile answers a request with a file. It handles caching headers, ranges, 304, 404 and
	// the rules. name is an Item.FileID, a Generated.Path or a ProofID. Fields of the header that the kind has set stay; Cache-Control
	// says "no-cache" if the address may stand for another file later.
	ServeFile(w http.ResponseWriter, r *http.Request, name string)
	// ServeFileAs is ServeFile for the address of a file that only some of its items have, those for which has returns true: the client must
	// be allowed to have one of these. If there are none, the answer is 404. has must not keep the item.
	ServeFileAs(w http.ResponseWriter, r *http.Request, name string, has func(*Item) bool)
	// Open opens such a file. It does not apply the rules.
	Open(name string) (io.ReadSeekCloser, error)

	// Decide applies the rules to an item, for the client of the request, now. A kind that makes
	// a page for the client omits denied items. All decisions about a request are by the same rules, even if these change meanwhile.
	Decide(r *http.Request, item *Item) Verdict
	// Ask records in the audit trail which item the request is about, if no file of it is served.
	// With a verdict that denies, the request is denied: the kind answers in its own error format.
	Ask(r *http.Request, item *Item, verdict Verdict)
}

// An ErrorFormatter has a format for errors. Other kinds have theirs as text.
type ErrorFormatter interface {
	// FormatError returns the body of the error answer to a request at or below one of the kind's routes: the request was refused, or a file is
	// absent, denied or not readable. It sets Content-Type, and may set more fields of the header. text is for people, one or more lines without
	// a final line break; of what the client sent, it contains only the path, escaped.
	FormatError(header http.Header, r *http.Request, status int, text string) []byte
}

// A Verdict is the result of the rules.
type Verdict struct {
	Allowed bool
	Rule    string // that decides: its place in the file of rules, "default", or empty: there are no rules
	Reason  string // of the rule, a line for people
}

// A Route is a path of the site, or everything below a path that ends in "/", and its handler.
type Route struct {
	Path string
	http.Handler
}
