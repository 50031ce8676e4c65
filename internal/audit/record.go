package audit

import (
	"net/netip"
	"time"
)

// A Verdict says how a request ended.
type Verdict string

const (
	Allowed  Verdict = "allowed"  // an artifact was served, or a part of it
	Denied   Verdict = "denied"   // the rules deny it
	Missing  Verdict = "missing"  // it is not carried: the next build's shopping list; see LookedUp
	Metadata Verdict = "metadata" // served something else: indexes, keys, pages
	Refused  Verdict = "refused"  // malformed, of another method, without the right login, over a limit
	Failed   Verdict = "failed"   // by the server's fault
)

// Verdicts are all, in the order to show.
var Verdicts = [...]Verdict{Allowed, Denied, Missing, Metadata, Refused, Failed}

// LookedUp is the Reason of a record with the verdict Missing whose client asked for no file: it searched for the Name, or
// asked what the mirror knows of it.
const LookedUp = "looked up by name"

// number is the place among Verdicts, or -1.
func (v Verdict) number() int {
	for i, known := range Verdicts {
		if v == known {
			return i
		}
	}
	return -1
}

// A Record is one request. See the package's comment for what each field says.
type Record struct {
	Time     time.Time
	Client   netip.Addr
	User     string
	Agent    string
	Method   string
	Path     string
	Status   int
	Kind     string
	Artifact string // ID
	Name     string
	Version  string

	Architecture string
	Channel      string // ID of the artifact.Channel whose state the client has read
	Verdict      Verdict
	Rule         string
	Reason       string
	Bytes        int64
	Size         int64 // of the item, bytes; 0: there is none, or it is not known
	Duration     time.Duration
	ID           string
}

// MaxLine is the length of the longest line, in bytes.
const MaxLine = 4096

// How long the texts of a line may be, in bytes, escaped. Together with the keys and the numbers they
// keep below MaxLine.
const (
	maxPath         = 1024
	maxArtifact     = 768
	maxAgent        = 384
	maxReason       = 384
	maxName         = 256
	maxVersion      = 192
	maxChannel      = 192
	maxUser         = 128
	maxRule         = 128
	maxArchitecture = 64
	maxKind         = 64
	maxID           = 64
	maxMethod       = 32
	maxVerdict      = 32
)
