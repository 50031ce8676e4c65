package debian

import "errors"

// A Request asks for packages in the words of a definition.
type Request struct{ text string }

// ParseRequest reads NAME[:ARCH][=VERSION | (OP VERSION)], where NAME and the
// VERSION after "=" may hold the wildcards * and ?, or one of the patterns
// ?essential and ?priority(NAME).
func ParseRequest(s string) (Request, error) { return Request{s}, errors.ErrUnsupported }

// String returns the request as it was written.
func (r Request) String() string { return r.text }
