package netboot

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/minimirror/minimirror/internal/openpgp"
)

// A Mirror is where an installer finds its packages and those of the system.
type Mirror struct {
	Base    string // address of the mirror, without a final slash
	Source  string // folder of the archive below it
	Suite   string // that has the packages of the installer and of the base system
	Sources string // address of the file with apt's sources, for the installed system
	Key     []byte // public, armored
}

// keyring is the file by which the installer verifies an archive: net-retriever, and debootstrap as the installer calls it. Where it is
// there already, the installer does not put Debian's keys in its place.
const keyring = "usr/share/keyrings/archive.gpg"

// trustHook runs before debootstrap (base-installer): apt in the new system then accepts the mirror from the first package on.
const trustHook = `#!/bin/sh
set -e
mkdir -p /target/etc/apt/trusted.gpg.d
cp /usr/share/keyrings/archive.gpg /target/etc/apt/trusted.gpg.d/minimirror.gpg
`

// Initrd is an uncompressed cpio archive for the end of the installer's initrd.
func Initrd(m Mirror) ([]byte, error) {
	ring, err := openpgp.Parse(m.Key, "the mirror's key")
	if err != nil {
		return nil, err
	}
	binary, err := ring.Binary()
	if err != nil {
		return nil, err
	}
	preseed, err := m.preseed()
	if err != nil {
		return nil, err
	}
	return pack([]file{
		{"preseed.cfg", 0o644, []byte(preseed)},
		{keyring, 0o644, binary},
		{"usr/lib/base-installer.d/10minimirror", 0o755, []byte(trustHook)},
	}), nil
}

// preseed answers the installer's questions about the mirror, and no others. The installer reads /preseed.cfg of its initrd first: a
// preseed file that the user gives with url= comes later, and counts.
func (m Mirror) preseed() (string, error) {
	u, err := url.Parse(m.Base)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	answer := func(question, kind, value string) {
		fmt.Fprintf(&b, "%s\n", strings.TrimRight("d-i "+question+" "+kind+" "+value, " "))
	}
	answer("mirror/country", "string", "manual")
	answer("mirror/protocol", "string", u.Scheme)
	answer("mirror/"+u.Scheme+"/hostname", "string", u.Host)
	answer("mirror/"+u.Scheme+"/directory", "string", path.Join("/", u.Path, m.Source))
	answer("mirror/"+u.Scheme+"/proxy", "string", "")
	answer("mirror/suite", "string", m.Suite)
	answer("mirror/udeb/suite", "string", m.Suite)
	answer("apt-setup/services-select", "multiselect", "") // the mirror has them in the file of sources
	answer("preseed/late_command", "string", "wget -q -O /target/etc/apt/sources.list.d/minimirror.sources '"+m.Sources+"' && : >/target/etc/apt/sources.list")
	return b.String(), nil
}
