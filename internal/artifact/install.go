package artifact

import (
	"context"
	"io"
	"time"
)

// An Installer installs items on the machine that it runs on, with only their files
// from the mirror.
type Installer interface {
	Needer // following these needs finds everything that PlanInstall may request
	// PlanInstall says what must be installed, and in which order. It needs Metadata.
	PlanInstall(ctx context.Context, req InstallRequest) (*InstallPlan, error)
	// NameOf is the name of the item, or the alias, that a request means.
	NameOf(request string) (string, error)
	// NodeArchitecture is the architecture of the system below root, as the kind names it.
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

// An InstallRequest describes what a node must have after the installation.
type InstallRequest struct {
	Pins Pins // what may be installed
	// Root is the node's file system, "/" or a folder. What is installed there
	// stays unless it is older. Empty: an unknown node of Architecture;
	// a set is then planned as it is.
	Root         string
	Architecture string
	Set          []string // IDs: Set.Items
	Requested    []string // IDs: Set.Requested
	Names        []string // as a definition names them
}

// An InstallPlan lists the steps that install it.
type InstallPlan struct {
	Architecture string
	Steps        [][]*Item // one run of what installs them each; they point into the request's pins
	Present      []string  // requested and already installed, for people
	Removed      []Removal // installed, and removed because something replaces it
	Skipped      []string  // in the set, and for other machines only, for people
}

// A Removal is something on a node that is removed because something replaces it.
type Removal struct {
	Name, Version string // as the node names it
	By            string // what replaces it, for people
	Step          int    // of the plan, at which it is removed; the number of steps: after them
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
