package audit

import (
	"net/netip"
	"time"
)

// A Report is what a Summary knows.
type Report struct {
	From     time.Time      `json:"from,omitzero"` // of the first request
	To       time.Time      `json:"to,omitzero"`   // of the last
	Requests int64          `json:"requests"`
	Bytes    int64          `json:"bytes"`
	Verdicts []VerdictTotal `json:"verdicts"` // all, in the order of Verdicts
	Kinds    []KindTotal    `json:"kinds"`    // sorted by name
	Missing  Table[Missed]  `json:"missing"`  // the most wanted first: by clients, then by requests
	Denied   Table[Denial]  `json:"denied"`   // the most frequent first
	Clients  Table[Client]  `json:"clients"`  // likewise
	Fetched  Table[Fetched] `json:"fetched"`  // likewise
	Never    *Never         `json:"never"`    // null: what is carried is not known
	Channels *Channels      `json:"channels"` // likewise
}

// A Table is the beginning of a list.
type Table[R any] struct {
	Total int `json:"total"` // rows in all
	Rows  []R `json:"rows"`
	// Unlisted are the requests of rows for which a Summary had no memory.
	Unlisted int64 `json:"unlisted_requests"`
}

// A VerdictTotal is all requests of a verdict.
type VerdictTotal struct {
	Verdict  Verdict `json:"verdict"`
	Requests int64   `json:"requests"`
	Bytes    int64   `json:"bytes"`
}

// A KindTotal is all requests of a kind; the empty one is what belongs to none.
type KindTotal struct {
	Kind     string `json:"kind"`
	Requests int64  `json:"requests"`
	Bytes    int64  `json:"bytes"`
}

// A Count says how often, when, and by whom something was asked for.
type Count struct {
	Requests int64     `json:"requests"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Clients  int       `json:"clients"`            // different addresses
	AtLeast  bool      `json:"at_least,omitempty"` // Clients may be more
	// Addresses are some of the clients, sorted.
	Addresses []netip.Addr `json:"addresses"`
}

// A Named is an item as far as it is known.
type Named struct {
	Kind         string `json:"kind,omitempty"`
	Name         string `json:"name,omitempty"`
	Version      string `json:"version,omitempty"`
	Architecture string `json:"architecture,omitempty"`
}

// A Fetched is an item that was served.
type Fetched struct {
	Artifact string `json:"artifact"` // ID
	Named
	Bytes int64 `json:"bytes"` // sent
	Whole int64 `json:"whole"` // requests that got all of it; the others got a part, or broke off
	Count
}

// A Client is one address.
type Client struct {
	Address  netip.Addr `json:"address"`
	Users    []string   `json:"users,omitempty"` // the first four
	Requests int64      `json:"requests"`
	Bytes    int64      `json:"bytes"`
	Allowed  int64      `json:"allowed"` // requests
	Denied   int64      `json:"denied"`
	Missing  int64      `json:"missing"`
	Last     time.Time  `json:"last"`
}

// A Denial is an item and why it was denied.
type Denial struct {
	Artifact string `json:"artifact"` // ID; or the path
	Named
	Rule   string `json:"rule,omitempty"`
	Reason string `json:"reason,omitempty"`
	Count
}

// A Missed is something that clients wanted and the image lacks.
type Missed struct {
	Path string `json:"path"` // where a client looked for it
	Named
	LookedUp bool `json:"looked_up,omitempty"` // clients asked for the name, not for a file
	Count
}

// A Never is what the image carries and nobody has fetched.
type Never struct {
	Total int       `json:"total"` // items
	Bytes int64     `json:"bytes"` // of all of them
	Rows  []Unasked `json:"rows"`  // the beginning, the largest first
	// Uncertain tells that some may have been fetched: there was no memory for all that was.
	Uncertain bool `json:"uncertain,omitempty"`
}

// An Unasked is an item that nobody has fetched.
type Unasked struct {
	Artifact string `json:"artifact"` // ID
	Named
	Size int64 `json:"size"` // bytes
}
