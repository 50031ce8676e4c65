package aptconf

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/artifact/netrc"
)

// An authConf holds the logins of auth.conf and its parts: apt_auth.conf(5).
type authConf struct {
	entries    []netrc.Entry
	unreadable []string
}

// readAuthConf reads what is there and can be read.
func readAuthConf(file, parts string) (a authConf) {
	found, err := partsOf(parts, "conf", "")
	if errors.Is(err, fs.ErrPermission) {
		a.unreadable = append(a.unreadable, parts)
	}
	for _, file := range append([]string{file}, found...) {
		data, err := artifact.ReadFile(file)
		if errors.Is(err, fs.ErrPermission) {
			a.unreadable = append(a.unreadable, file)
		}
		a.entries = append(a.entries, netrc.ParsePlain(string(data))...)
	}
	return a
}

// login finds the first entry for the address.
func (a authConf) login(u *url.URL) *url.Userinfo {
	for _, e := range a.entries {
		if opens(e.Machine, u) && (e.User != "" || e.Password != "") {
			return e.Userinfo()
		}
	}
	return nil
}

// opens reports whether the entry for a machine is for the address, as the manual page says: without a protocol, https only; without a port,
// any; a path is the beginning of the address's.
func opens(machine string, u *url.URL) bool {
	protocol, place, given := strings.Cut(machine, "://")
	if !given {
		protocol, place = "https", machine
	}
	if protocol != u.Scheme {
		return false
	}
	host, rest, slash := strings.Cut(place, "/")
	if !strings.EqualFold(host, u.Host) && (slash && u.Port() != "" || !strings.EqualFold(host, u.Hostname())) {
		return false
	}
	return !slash || strings.HasPrefix(u.Path, "/"+rest)
}
