package artifact

import (
	"context"
	"io"
	"path"
)

// Able finds an ability of a kind: an interface that not every kind has. What a kind
// is not able to do is left out, or is an error that says so: see Unable.
func Able[T any](kind interface{ Name() string }) (ability T, ok bool) {
	ability, ok = kind.(T)
	return ability, ok
}

// Need is Able for a required ability. what names it for the error, as in "install on nodes".
func Need[T any](kind interface{ Name() string }, what string) (T, error) {
	ability, ok := Able[T](kind)
	if !ok {
		return ability, &UnableError{kind.Name(), what}
	}
	return ability, nil
}

// An UnableError says what a kind is not able to do.
type UnableError struct{ Kind, What string }

func (e *UnableError) Error() string { return "items of the kind " + e.Kind + " cannot " + e.What }

// An Explainer explains why a lock has an item, without the network.
type Explainer interface {
	// Why finds the pins that name, in the kind's own words, stands for, and for
	// each the shortest chain from a request to it. None: the error says what is
	// known of it.
	Why(spec Spec, pins Pins, name string) ([]Reason, error)
}

// A Reason is why an item is carried.
type Reason struct {
	Artifact string   `json:"artifact"` // for a person
	Chain    []string `json:"chain"`    // from the request on, a sentence each
}

// A Reserver answers at paths of the site that no source may use as its name.
type Reserver interface {
	// Reserved returns the first elements of these paths, without slashes.
	Reserved() []string
}

// A HostReader determines from the Host of a request which of its sources a client wants, for clients that keep using upstream's names. Its
// paths are the same on every host.
type HostReader interface {
	ReadsHost()
}

// An AddressMapper has what is below an address of a source elsewhere than right below the source's folder, for clients that keep using
// upstream's names.
type AddressMapper interface {
	// MapAddress returns the place below the source's folder for what is below one of Source.URLs, without slashes at its ends.
	MapAddress(address string) string
}

// A Guide explains how to use the mirror, and makes machines its clients.
type Guide interface {
	// Usage tells people, in a few lines of plain text, how a client at the address base
	// uses what the mirror carries of this kind.
	Usage(m Mirror, base string) string
	// Clients are the files that make a machine a client of the mirror: one Client, or one for each program that machines may have. Those
	// without files are left out.
	Clients(m Mirror, o ClientOptions) []Client
}

// ClientOptions say how clients use the mirror.
type ClientOptions struct {
	Base   string // address of the mirror, without a slash at the end
	Prefer bool   // the mirror comes before whatever other sources a machine has
	// Authority has the certificates (PEM) of the authority that signed the mirror's certificate, if the address has HTTPS. Nil: machines
	// already trust the mirror's certificate.
	Authority []byte
}

// A Client is files for a client, the command that makes it read what the mirror has, and what is left to do there.
type Client struct {
	System string // that the client must have; empty: any
	// Program is the name of the program that is set up, if a machine has one of several: a file name. Empty: it is for every machine.
	Program string
	Files   []ClientFile
	Refresh []string // a command and its arguments; empty: there is nothing to refresh
	Renewal Renewal
	New     []ClientFile // for a machine that is set up from the mirror; Path is a file name, and Data any bytes
	Note    string       // what else is to do on the client, for people: one line; empty: nothing
}

// A Renewal is a script for sh that fetches a client's files from the mirror again, for what a later image has. It takes nothing that rests on
// another key, or leads to another address, than what the client has. The zero value is none.
type Renewal struct {
	Name   string // of the script, without extension
	Script []byte
}

// A ClientFile is a file of a client.
type ClientFile struct {
	Path string // absolute
	Data []byte // text
	// Shared means that the file may also have other settings. If it exists and differs, it is not replaced: the user must add the
	// content of Data.
	Shared bool
}

// Folder is where the file is.
func (f ClientFile) Folder() string { return path.Dir(f.Path) }

// A PackageURLer names items as lists of software (SBOM) and databases of vulnerabilities do.
type PackageURLer interface {
	// PackageURL is the item's package URL (purl, ECMA-427): "pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS". source is the item's.
	// It needs neither URLs nor Metadata. Different items of a source have different ones.
	PackageURL(source *Source, i *Item) string
}

// A Prober checks a running mirror as a client would.
type Prober interface {
	// Probe verifies what it gets. get fetches a path of the mirror.
	Probe(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) error
}

// An Aliaser knows other names by which items can be asked for.
type Aliaser interface {
	// Aliases needs Metadata.
	Aliases(i *Item) []string
}

// An Addresser serves the files of its items at addresses of its own. Other kinds serve each at its FileID.
type Addresser interface {
	// Address is the path on the mirror at which a file of an item is served. It is not escaped.
	Address(i *Item, f *File) string
}

// Address is the path on the mirror at which the kind serves a file of an item. It is not escaped.
func Address(kind interface{ Name() string }, i *Item, f *File) string {
	if addresser, able := Able[Addresser](kind); able {
		return addresser.Address(i, f)
	}
	return "/" + i.FileID(f)
}

// A Channel is a part of a mirror that a client reads because its configuration names it. A client whose configuration is older than
// the channel does not know of it.
type Channel struct {
	Kind   string // name of the kind
	Source string // name of the source
	Name   string // within the source
	System string // clients of one system read all its channels; empty: there is only one
	// Paths on the mirror, not escaped: a client that looks for news of the channel requests one of them.
	Paths []string
}

// ID identifies the channel on the mirror.
func (c *Channel) ID() string { return c.Source + "/" + c.Name }

// A Channeler knows which channels a mirror has.
type Channeler interface {
	// Channels are those of the sources, which are all of the kind.
	Channels(sources []Source) []Channel
}

// Channels are those of all sources that belong to kinds which are able to tell.
func Channels[K interface{ Name() string }](kinds []K, sources []Source) (all []Channel) {
	for _, kind := range kinds {
		channeler, able := Able[Channeler](kind)
		if !able {
			continue
		}
		var own []Source
		for _, s := range sources {
			if s.Kind == kind.Name() {
				own = append(own, s)
			}
		}
		all = append(all, channeler.Channels(own)...)
	}
	return all
}

// A Needer knows what items need.
type Needer interface {
	// Needs are all names that may stand for what an item needs. It needs Metadata.
	Needs(i *Item) []string
}

// A Verifier checks what upstream has signed.
type Verifier interface {
	// VerifyUpstream follows the proofs of every release from a signature by one of
	// the keys to the items, without the network. open opens a file of the image by its name, the ID
	// of a file or a ProofID. The error is ErrVerify and names the first file that fails. An item
	// that no signature covers is not an error: it is missing from the result.
	VerifyUpstream(ctx context.Context, pins Pins, keys []KeyFile, open func(name string) (io.ReadCloser, error)) (Vouched, error)
}

// Vouched lists the items that upstream's signatures, or the definition, cover.
type Vouched struct {
	// Report has a line for each release or source: what it is, who signed it, and how much of it is here.
	Report []string
	Items  []string // IDs
	// Unsigned are those of Items that upstream has not signed. Only the definition vouches for them: whoever made the image.
	Unsigned []string
}

// A KeyFile is a file with public keys that a user has named.
type KeyFile struct {
	Name string
	Data []byte
}

// An Accounter tells apart what options of a definition add to what is carried.
type Accounter interface {
	// Extras needs no Metadata of items.
	Extras(pins Pins) []Extra
}

// An Extra is what one option adds, from one source.
type Extra struct {
	Source string
	Name   string // for people, in the plural
	Files  int
	Size   int64 // bytes
}
