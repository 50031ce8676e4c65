package artifact

import (
	"context"
	"log/slog"
)

// A Drafter writes its part of a first definition from what it finds on this machine.
type Drafter interface {
	// Draft changes nothing on the machine and does not use the network.
	Draft(ctx context.Context, wanted DraftRequest) (Draft, error)
}

// A DraftRequest says what a first definition is to carry. If it names nothing, the draft carries an example.
type DraftRequest struct {
	Requests []string // in the kind's words
	// Nodes are files that say what nodes have, in the kind's own form; the definition is to carry all of that. They will be called
	// nodes/*.status; Path is where they are now.
	Nodes []DraftFile
	Log   *slog.Logger
}

// A Draft is a part of a definition.
type Draft struct {
	Section []byte      // YAML with comments: the kind's key, and what is below it
	Files   []DraftFile // that the section names
	Notes   []string    // what the user should know, a sentence each
}

// A DraftFile is a file in the folder of a definition.
type DraftFile struct {
	Path string // slash-separated, below the folder
	Data []byte
}

// A Schemer describes its part of a definition to editors.
type Schemer interface {
	// Schema returns two JSON Schemas (draft 2020-12): of the section that Parse reads, and of what a set asks of the kind.
	// Whatever Parse accepts is valid.
	Schema() (section, set map[string]any)
}
