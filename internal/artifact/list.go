package artifact

// A Lister keeps what its part of a definition requests in lists, which programs may edit. The part is one section, or a list of sections
// that have a name.
type Lister interface {
	// RequestLists are the keys of a section that may have such a list. A section has at most one of them.
	RequestLists() []RequestList
	// RequestName is the name of what a request is for: requests that have the same are for the same thing. bare means that the request
	// says nothing else. The error says why it is not a valid request.
	RequestName(request string) (name string, bare bool, err error)
}

// A RequestList is a key of a section whose value is a list of requests, each of which is a text.
type RequestList struct {
	Key string
	// EntryKey is the key that has the request in an entry with keys and values; empty: such entries have none.
	EntryKey string
	// Optional means that a section without the key requests nothing by it. Otherwise the key must be there and not be empty.
	Optional bool
}
