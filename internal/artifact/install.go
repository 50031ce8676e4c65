package artifact

import (
	"context"
	"io"
	"time"
)

// An Installer installs items on the machine that it runs on, with nothing of
// the mirror's but their files.
type Installer interface {
	Needer // who follows what items need has all that PlanInstall may ask for
	// PlanInstall says what must be installed, and in which order. It needs Metadata.
	PlanInstall(ctx context.Context, req InstallRequest) (*InstallPlan, error)
	// NameOf is the name of the item, or the alias, that a request means.
	NameOf(request string) (string, error)
	// NodeArchitecture is the architecture of the system below root, in the kind's words.
	NodeArchitecture(root string) (string, error)
	// Extra are files that make a folder with the items of plans, one for each
	// architecture, useful without this program: the script install.sh, indexes. The items' files
	// lie there, or anywhere below the folder that "install.sh --from" names, under the base
	// names of their paths. title is for people.
	Extra(title string, plans ...*InstallPlan) map[string][]byte
	// Install has the node install the files, as it does by itself. An error says what state it
	// left, and what to type.
	Install(ctx context.Context, job InstallJob) error
}

// A Configurer makes the system below root a client of a mirror.
type Configurer interface {
	// Configure makes it a client of the mirror at the address base,
	// and with only of nothing else; Unconfigure undoes that. Both say what they changed.
	Configure(root string, m Mirror, base string, only bool) (changed []string, err error)
	Unconfigure(root string) (changed []string, err error)
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
	Steps        [][]*Item // one run of what installs them each; they point into the request's pins
	Present      []string  // what was asked for and is there already, for people
	Removed      []Removal // what is there and gives way to what replaces it
}

// A Removal is something on a node that gives way to what replaces it.
type Removal struct {
	Name, Version string // as the node names it
	By            string // what replaces it, for people
	Step          int    // of the plan, at which it goes; the number of steps: after them
	First         bool   // before the step; otherwise after it
}

// An InstallJob is what to install and how.
type InstallJob struct {
	Root    string        // of the node's file system: "/", or a folder
	Steps   [][]string    // names of files, absolute and below Root; one run of what installs them each
	Items   [][]*Item     // of the steps, whose files are in the same order
	Removed []Removal     // of the plan
	Answers []byte        // to questions of the items, in the kind's own format; nil: the defaults
	NoStart bool          // services are not started
	Wait    time.Duration // for another program that is installing
	Log     io.Writer
	// Progress, if set, is called when an item has reached a state, as done of total items have.
	Progress func(name, state string, done, total int)
}
