package debian

import (
	"errors"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An authConf holds the logins of auth.conf and its parts: apt_auth.conf(5).
type authConf struct {
	entries    []authEntry
	unreadable []string
}

type authEntry struct{ machine, user, password string }

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
		a.entries = append(a.entries, parseAuthConf(string(data))...)
	}
	return a
}

// parseAuthConf splits the text into its entries. Lines that begin with "#" are
// comments.
func parseAuthConf(text string) (entries []authEntry) {
	var key string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			last := len(entries) - 1
			switch {
			case key == "machine":
				entries = append(entries, authEntry{machine: word})
			case key == "login" && last >= 0:
				entries[last].user = word
			case key == "password" && last >= 0:
				entries[last].password = word
			}
			if key != "" {
				key = ""
			} else if slices.Contains([]string{"machine", "login", "password"}, word) {
				key = word
			}
		}
	}
	return entries
}

// login finds the first entry for the address.
func (a authConf) login(u *url.URL) *url.Userinfo {
	for _, e := range a.entries {
		if e.matches(u) && (e.user != "" || e.password != "") {
			return url.UserPassword(e.user, e.password)
		}
	}
	return nil
}

// matches follows the manual page: without a protocol, https only; without a port,
// any; a path is the beginning of the address's.
func (e authEntry) matches(u *url.URL) bool {
	protocol, place, given := strings.Cut(e.machine, "://")
	if !given {
		protocol, place = "https", e.machine
	}
	if protocol != u.Scheme {
		return false
	}
	machine, rest, slash := strings.Cut(place, "/")
	if !strings.EqualFold(machine, u.Host) && (slash && u.Port() != "" || !strings.EqualFold(machine, u.Hostname())) {
		return false
	}
	return !slash || strings.HasPrefix(u.Path, "/"+rest)
}
