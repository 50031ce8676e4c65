package artifact

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// A Kind is a family of items with its own upstream format, client and wire protocol. These
// are the methods that every kind has; for optional abilities see Able.
type Kind interface {
	// Name is the kind's key in mirror.yaml and its Item.Kind.
	Name() string
	// Parse reads the kind's section of a definition, and what each set, by name, asks
	// of the kind. dir is the definition's folder, for relative file names. It does not use the network.
	Parse(section Section, sets map[string]Section, dir string) (Spec, error)
	// Resolve turns what a definition asks for into pins. Only Resolve may use
	// the network, and only through the Upstream that it is given.
	Resolve(ctx context.Context, req ResolveRequest) (*Resolution, error)
	// Publish makes the files that clients need in addition to those of the items. It does no I/O. A kind may
	// need none.
	Publish(pins Pins, signer Signer) ([]Generated, error)
	// Mount returns the kind's routes on a site that carries items of the kind.
	Mount(site Site) []Route
}

// A Section is one part of a definition. Decode fills v, a pointer to a struct
// with `yaml` tags, and refuses unknown keys, wrong types and duplicates with
// an error that names file and line.
type Section interface {
	Decode(v any) error
	// Keys returns the sections of a mapping whose keys must be among valid.
	Keys(valid []string) (map[string]Section, error)
	// IsText reports whether the section is a single text.
	IsText() bool
	// Position is the section's file and line, "mirror.yaml:7".
	Position() string
	// Errorf makes an error about this section that begins with its position.
	Errorf(format string, args ...any) error
}

// A Spec is a kind's part of a definition, read and checked.
type Spec any

// A ResolveRequest is all that Resolve may use.
type ResolveRequest struct {
	Spec     Spec
	Locked   []Item // pins of the previous lock; kept if upstream still has them
	Previous Pins   // the previous lock, whether it is kept or not: no release may be older than in it
	// Moves reports whether what is called so may move to the newest; nil: nothing may.
	Moves    func(name string) bool
	Upstream Upstream
	Now      time.Time
	Log      *slog.Logger
}

// MayMove reports whether what is called so, such as a source, may move to the newest although a lock has it.
func (r *ResolveRequest) MayMove(name string) bool { return r.Moves != nil && r.Moves(name) }

// A Resolution is the result of resolving one kind's part of a definition.
type Resolution struct {
	Sources []Source
	Items   []Item
	Sets    []Set
	// Date is when upstream published the result; zero: upstream does not say.
	Date time.Time
	// ReleaseChanges are relative to the previous lock, in the order of Sources.
	ReleaseChanges []ReleaseChange
}

// A ReleaseChange is a change of a release that clients of the mirror notice, apart from its items.
type ReleaseChange struct {
	Source  string `json:"source"`
	Release string `json:"release"`
	Field   string `json:"field"` // in the kind's words
	Old     string `json:"old"`
	New     string `json:"new"`
	// Accept is the command that makes a client accept the release; until it runs there, the client
	// refuses the release. Empty: clients accept the change by themselves.
	Accept string `json:"accept,omitempty"`
}

// Pins are one kind's part of a lock.
type Pins struct {
	Date    time.Time // of the lock; what is generated carries this date
	Sources []Source
	Items   []Item
	// Open opens a proof by its ProofID. Only Publish has it.
	Open func(name string) (io.ReadCloser, error)
}
