// Package kindtest is the suite that every kind passes, with fixtures of its own. A kind's tests call it:
//
//	func TestKind(t *testing.T) { kindtest.Run(t, kindtest.Fixture{Kind: debian.Kind{}, …}) }
//
// It locks, builds, serves and bootstraps with the packages that the program has for this, in one process: what is shown here
// holds for the kind's users. Only tests import it; the kind itself still knows nothing but package artifact.
//
//	Fixture ──Locker──▶ mirror.lock ──Builder──▶ image ──Server──▶ answers, audit trail
//	                                                   └─bootstrap──▶ files on a bare node
package kindtest

import (
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Fixture is what a kind brings.
type Fixture struct {
	Kind artifact.Kind
	// Program are the kinds of the program that is tested. Nil: Kind alone. The suite adds one of its own.
	Program []artifact.Kind

	// Upstream starts the servers that the definition names, until the test ends, and returns their address.
	Upstream func(t testing.TB) (address string)
	// Definition is the kind's part of a mirror.yaml, "KIND:\n  …\n". It carries two items at least, all of one source. Files that it
	// names may be written to dir, the definition's folder.
	Definition func(t testing.TB, dir, upstream string) string
	// Reordered says the same, with its lists and keys in another order.
	Reordered func(t testing.TB, dir, upstream string) string
	// Set is what a set asks of the kind, on one line: "[app]". Only an artifact.Installer has one.
	Set string

	// Item is the name of an item that no other item needs, and that shares its files with none.
	Item string
	// List is the path on the mirror of a list of what it carries, with Listed in it for the Item.
	List, Listed string
	// ListedByClient tells that the list is made for each client, without what is denied to it. Otherwise it is one for all, and
	// only lacks what is denied to everybody.
	ListedByClient bool

	// About is a path at which the kind answers about the Item with something else than its files. Empty: there is none.
	About string

	// Missing is a path on the mirror below a source whose file is not carried. A kind that is an artifact.Identifier finds
	// MissingName in it.
	Missing, MissingName string

	// Keyring, of an artifact.Verifier, has the keys that sign what upstream has. Nil: nothing is signed.
	Keyring []byte
	// Versions, of an artifact.Versioner, are conditions on a version in the kind's syntax, and whether they hold.
	Versions func(version string) map[string]bool
}

// Run shows that the kind does what every kind does.
func Run(t *testing.T, f Fixture) {
	if f.Program == nil {
		f.Program = []artifact.Kind{f.Kind}
	}
	f.Program = append(f.Program[:len(f.Program):len(f.Program)], neighbour{})
	s := &suite{Fixture: f, upstream: f.Upstream(t), beside: startNeighbour(t)}
	s.prepare(t)

	t.Run("the same lock twice", s.sameLock)
	t.Run("the order of the definition", s.orderOfDefinition)
	t.Run("reserved names", s.reservedNames)

	one := s.made(t, s.Definition)
	t.Run("the catalog", one.catalog)
	t.Run("the same image twice", one.sameImage)
	t.Run("upstream's signatures", one.signatures)
	t.Run("every file", one.everyFile)
	t.Run("what is not carried", one.missing)
	t.Run("hostile paths", one.hostilePaths)
	t.Run("pages", one.pages)
	t.Run("package URLs", one.packageURLs)
	t.Run("lists of software", one.softwareList)
	t.Run("changes", one.changes)
	t.Run("architectures", one.architectures)
	t.Run("clients", one.clients)
	t.Run("denied to everybody", one.denied)
	t.Run("denied to a client", one.deniedToClient)
	t.Run("rules on properties", one.properties)
	t.Run("rules on versions", one.versions)
	t.Run("missing abilities", one.missingAbilities)

	t.Run("two kinds in one image", s.twoKinds)
	t.Run("sets", s.sets)
}
