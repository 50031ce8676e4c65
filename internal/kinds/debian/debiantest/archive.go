// Package debiantest makes small signed Debian archives for tests, and serves
// them with every fault that an archive or a network can have. It stands in
// front of the data's way: what it makes is the upstream that `lock` and
// `build` read.
//
// The packages are real ones that dpkg installs, and equal input gives equal
// bytes (RSA keys excepted). Only tests and test programs import it.
//
//	archive, err := debiantest.Parse(text)    // or &debiantest.Archive{…}
//	server := debiantest.Start(t, archive)    // http on loopback
//	server.Faults.On("pool/*/foo_*.deb", debiantest.Status(404))
package debiantest

import "time"

// DefaultDate is the Date of a Suite that has none.
var DefaultDate = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// An Archive is one address: what stands before "dists/" and "pool/".
type Archive struct {
	Suites []*Suite
	Keys   map[string]*Key // the keys that Parse made, by name

	// Collide allows two packages with one file name; the later one's bytes are
	// served. Without it, Build refuses them.
	Collide bool
}

// A Suite is one Release file and what it lists.
type Suite struct {
	// Name is the suite as sources name it, for example "bookworm" or
	// "bookworm-updates"; ending in "/" it is a flat repository in that folder
	// ("/" or "./": the archive's own).
	Name     string
	Packages []*Package
	// Udebs are packages of the installer, with indices of their own.
	Udebs []*Package

	Label, Codename string    // default: "Test", Name
	Origin          string    // default: "Test"
	Says            string    // the Release's Suite; default: Name; "none" leaves it out, and Codename too
	Components      []string  // default: those of Packages, or "main"
	Architectures   []string  // default: those of Packages; with "all", such packages are listed in binary-all alone
	Date            time.Time // default: DefaultDate
	ValidUntil      time.Time // zero: the field is left out
	Fields          []string  // more lines of the Release, for example "NotAutomatic: yes"

	// Sources adds the source packages of Packages, with their index.
	Sources bool
	// Languages are those of its Translation indices. Packages then has Description-md5 and the first line of descriptions.
	Languages []string
	// Contents adds a Contents index for each component and architecture.
	Contents bool
	// Installer adds images of an installer, netboot and cdrom, with their SHA256SUMS.
	Installer bool
	// Images is a folder on this machine whose files are the images, instead of those.
	Images string
	// Commands adds lists of commands, and AppStream the metadata of applications, likewise.
	Commands, AppStream bool
	// ByHash offers every index under by-hash/ as well (Acquire-By-Hash).
	ByHash bool
	// Compressions are the encodings in which the indices can be had, of "" (none),
	// "gz", "xz" and "zst"; default gz and xz. The Release lists the plain file always,
	// as dak does.
	Compressions []string
	// Hashes are the Release's lists, of "MD5Sum", "SHA1", "SHA256" and "SHA512";
	// default MD5Sum and SHA256. The last one names the files in by-hash/.
	Hashes []string

	// SignedBy are the keys that sign; none: the Release is not signed.
	SignedBy []*Key
	// Signing is "inline" (InRelease), "detached" (Release and Release.gpg) or "both", the default.
	Signing string
	// SignedAt is the time of the signatures; default Date.
	SignedAt time.Time

	// EditIndex changes a Packages file before it is compressed, EditEncoded each of its
	// encodings before it is hashed, EditRelease the Release before it is signed: lies that
	// carry good signatures. All may be nil. Path is the file's place below the Release's folder.
	EditIndex   func(path string, index []byte) []byte
	EditEncoded func(path string, encoded []byte) []byte
	EditRelease func(release []byte) []byte
}

// A Package is one binary package (Debian Policy, chapter 5).
type Package struct {
	Name         string
	Version      string   // default "1.0"
	Architecture string   // default "all"
	Component    string   // default "main"; flat repositories have none
	Fields       []string // more lines of the control file, for example "Depends: bar (>= 2)"

	Files   map[string]string // path → content; a path that ends in "/" is a folder
	Control map[string]string // maintainer scripts and other control files, for example "preinst"
	Size    int               // bytes of a file that does not compress, /usr/share/NAME/filler

	Compression string // of the members: "gz" (default), "xz", "zst" or "none"
	// Filename is where the .deb is, below the archive. The default follows dak:
	// pool/COMPONENT/f/foo/foo_VERSION_ARCH.deb, the version without its epoch.
	Filename string
	// Hashes are the digests that its stanza has, of "MD5sum", "SHA1", "SHA256" and "SHA512"; default
	// MD5sum and SHA256.
	Hashes []string
}
