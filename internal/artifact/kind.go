package artifact

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// A Kind is a family of artifacts with its own upstream format, client and
// wire protocol. It offers a few verbs; each is an interface of its own.
type Kind interface {
	// Name is the kind's key in mirror.yaml and its Artifact.Kind.
	Name() string

	Resolver
	Explainer
	Planner
	Server
	Verifier
	Installer
	Ruler
	Describer
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

// A Resolver turns what a definition asks for into pins. Only Resolve may use
// the network, and only through the Upstream that it is given.
type Resolver interface {
	// ParseSpec reads the kind's section of a definition. dir is the
	// definition's folder, for relative file names.
	ParseSpec(section Section, dir string) (Spec, error)
	Resolve(ctx context.Context, req ResolveRequest) (*Resolution, error)
}

// A ResolveRequest is all that Resolve may use.
type ResolveRequest struct {
	Spec     Spec
	Sets     map[string]Section // what each set asks of this kind
	Locked   []Item             // pins of the lock before; kept where upstream still has them
	Previous Pins               // the lock before, whether it is kept or not: no release may be older than there
	Upstream Upstream
	Now      time.Time
	Log      *slog.Logger
}

// A Resolution is the result of resolving one kind's part of a definition.
type Resolution struct {
	Sources []Source
	Items   []Item
	Sets    []Set
	// ReleaseChanges are against the lock before, in the order of Sources.
	ReleaseChanges []ReleaseChange
}

// A ReleaseChange is something that clients of the mirror find changed in a release, beside its items.
type ReleaseChange struct {
	Source  string `json:"source"`
	Release string `json:"release"`
	Field   string `json:"field"` // in the kind's words
	Old     string `json:"old"`
	New     string `json:"new"`
	// Accept is the command that makes a client take the release; until it is typed there, the client
	// refuses it. Empty: no client minds.
	Accept string `json:"accept,omitempty"`
}

// An Explainer tells why a lock has what it has, without the network.
type Explainer interface {
	// Why finds the pins that name, in the kind's own words, stands for, and for
	// each the shortest chain from a request to it. None: the error says what is
	// known of it. sets are as in ResolveRequest.
	Why(spec Spec, sets map[string]Section, pins Pins, name string) ([]Reason, error)
}

// A Reason is why an artifact is carried.
type Reason struct {
	Artifact string   `json:"artifact"` // for a person
	Chain    []string `json:"chain"`    // from the request on, a sentence each
}

// Upstream gives access to files of other machines.
type Upstream interface {
	// Get returns the body of the first of urls that answers, and which one did.
	// The answer is not verified and not kept. When no URL has the file the error
	// is fs.ErrNotExist; any other trouble is another error.
	Get(ctx context.Context, urls []string, limit int64) (body []byte, from string, err error)

	// Index returns decoded content: from the cache, else from the first of files that
	// delivers it. Each fetched file is verified before it is decoded, and what comes
	// out is verified again when want says what it must be; what a file holds behind
	// that is ignored. The file itself is in the cache afterwards.
	Index(ctx context.Context, want Content, files []RemoteFile) (Index, error)

	// File brings a file into the cache, where it is not there yet, from the first of urls that
	// delivers what want identifies. It returns the file's size and SHA-256.
	File(ctx context.Context, urls []string, want Content) (Content, error)
}

// An Index is decoded content.
type Index struct {
	Data []byte
	File int // place of the file that it came from
	// Content is that of the file, with its SHA-256.
	Content
}

// A RemoteFile is one encoding of wanted content at upstream.
type RemoteFile struct {
	URLs []string
	Content
	// Decode turns the file's bytes into the wanted content; nil: they are it.
	Decode func(io.Reader) (io.ReadCloser, error)
}

// A Planner turns pins into the files that clients need beside the artifacts
// themselves. It does no I/O.
type Planner interface {
	Plan(pins Pins, signer Signer) ([]Generated, error)
}

// Pins are one kind's part of a lock.
type Pins struct {
	Date    time.Time // of the lock; what is generated carries this date
	Sources []Source
	Items   []Item
}

// A Generated is a generated file of the mirror.
type Generated struct {
	Path     string // below the mirror's root; begins with the source's name
	Data     []byte
	Link     string   // instead of Data: the path of another File with the same content
	Pieces   *Pieces  // instead of Data, of a Filter: parts of a file that the image has
	Chunks   [][]byte // instead of Data, of a Filter: its bytes, one chunk behind the other
	Modified time.Time
}

// Pieces are parts of a file, one behind the other.
type Pieces struct {
	Path   string  // of the file
	Parts  []Range // in order
	Size   int64   // bytes in all
	SHA256 string  // of all
}

// A Range is a part of a file.
type Range struct{ Offset, Size int64 }

// A Signer signs what a mirror says of itself. Its signatures depend on the
// key, the time that it was made with and the text alone.
type Signer interface {
	ClearSign(text []byte) ([]byte, error)  // RFC 9580, section 7: cleartext signature
	DetachSign(text []byte) ([]byte, error) // armored detached signature
	PublicKey() []byte                      // armored
}

// A Verifier holds pins against what upstream signed.
type Verifier interface {
	// VerifyUpstream follows the proofs of every release from a signature by one of
	// the keys to every artifact, without the network. open opens a file of the image by its name, the ID
	// of an item or a ProofID. The error is
	// ErrVerify and names the first file that fails. It returns a line of text for
	// each release: what it is, who signed it, and how much of it is here.
	VerifyUpstream(ctx context.Context, pins Pins, keys []KeyFile, open func(name string) (io.ReadCloser, error)) ([]string, error)
}

// A KeyFile is a file with public keys that a user has named.
type KeyFile struct {
	Name string
	Data []byte
}

// An Installer installs artifacts on the machine that it runs on, with nothing of
// the mirror's but their files.
type Installer interface {
	// PlanInstall says what must be installed, and in which order. It needs Metadata.
	PlanInstall(ctx context.Context, req InstallRequest) (*InstallPlan, error)
	// NameOf is the name of the artifact, or the alias, that a request means, and Needs
	// are all names that may stand for what an artifact needs: who follows them has all
	// that PlanInstall may ask for.
	NameOf(request string) (string, error)
	Needs(a *Item) []string
	// NodeArchitecture is the architecture of the system below root, in the kind's words.
	NodeArchitecture(root string) (string, error)
	// Extra are files that make a folder with the artifacts of plans, one for each
	// architecture, useful without this program: the script install.sh, indexes. The artifacts
	// lie there, or anywhere below the folder that "install.sh --from" names, under the base
	// names of their paths. title is for people.
	Extra(title string, plans ...*InstallPlan) map[string][]byte
	// Configure makes the system below root a client of the mirror at the address base,
	// and with only of nothing else; Unconfigure undoes that. Both say what they changed.
	Configure(root string, m Mirror, base string, only bool) (changed []string, err error)
	Unconfigure(root string) (changed []string, err error)
	// Install runs the node's own package manager. An error says what state it
	// left, and what to type.
	Install(ctx context.Context, job InstallJob) error
}

// An InstallRequest is what a node must have in the end.
type InstallRequest struct {
	Pins Pins // what may be installed
	// Root is the node's file system, "/" or a folder. What is installed there is left
	// alone where it is not older. Empty: a node of Architecture of which nothing is known;
	// a set is then planned as it is.
	Root         string
	Architecture string
	Set          []string // IDs: Set.Artifacts
	Requested    []string // IDs: Set.Requested
	Names        []string // as a definition names them
}

// An InstallPlan is how a node gets it.
type InstallPlan struct {
	Architecture string
	Steps        [][]*Item // one run of the package manager each; they point into the request's pins
	Present      []string  // what was asked for and is there already, for people
	Removed      []Removal // what is there and gives way to what replaces it
}

// A Removal is something on a node that gives way to what replaces it.
type Removal struct {
	Name, Version string // as the node's package manager names it
	By            string // what replaces it, for people
	Step          int    // of the plan, at which it goes; the number of steps: after them
	First         bool   // before the step; otherwise after it
}

// An InstallJob is what to install and how.
type InstallJob struct {
	Root    string        // of the node's file system: "/", or a folder
	Steps   [][]string    // names of files, absolute and below Root; one run of the package manager each
	Removed []Removal     // of the plan
	Answers []byte        // to questions of the packages, in the kind's own format; nil: the defaults
	NoStart bool          // services are not started
	Wait    time.Duration // for another program that is installing
	Log     io.Writer
	// Progress, if set, is called when a package has reached a state, as done of total packages have.
	Progress func(name, state string, done, total int)
}

// A Server speaks a kind's wire protocol.
type Server interface {
	// Handler answers every request below the paths that Routes names.
	Handler(m Mirror) http.Handler
	// Routes are the path prefixes (ending in "/") and exact paths that belong to
	// the kind on this mirror.
	Routes(m Mirror) []string
	// Usage tells people, in a few lines of plain text, how a client at base
	// address uses what the mirror carries of this kind.
	Usage(m Mirror, base string) string
	// Client is what makes a machine a client of the mirror at the address base. With prefer, the mirror
	// comes before whatever other sources the machine has.
	Client(m Mirror, base string, prefer bool) Client
	// Probe asks a running mirror as a client would, and verifies what it gets. get fetches a path
	// of the mirror.
	Probe(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) error
}

// A Client is files for a client, and the command that makes it read what the mirror has.
type Client struct {
	Files   []ClientFile
	Refresh []string // a command and its arguments
}

// A ClientFile is a file of a client.
type ClientFile struct {
	Path string // absolute
	Data []byte // text
}

// A Mirror is what a Server may see of an image.
type Mirror struct {
	Pins
	PublicKey []byte
	// ServeFile answers a request with a file of the mirror: caching headers,
	// ranges, 304 and 404 are its business. name is a File.Path or an Artifact.ID.
	ServeFile func(w http.ResponseWriter, r *http.Request, name string)
	// Base is the mirror's address as the client of the request wrote it, without
	// a slash at the end. It needs no escaping.
	Base func(r *http.Request) string
}
