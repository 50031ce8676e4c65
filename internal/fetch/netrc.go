package fetch

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// netrc are the logins of $NETRC, or ~/.netrc: netrc(5).
type netrc struct {
	file    string
	logins  map[string]*url.Userinfo // by host
	failure error
}

func readNetrc() netrc {
	n := netrc{file: os.Getenv("NETRC")}
	if n.file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return n
		}
		n.file = filepath.Join(home, ".netrc")
	}
	data, err := artifact.ReadFile(n.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.failure = err
	}
	n.logins = parseNetrc(string(data))
	return n
}

// parseNetrc reads the machine entries; of two for one host, the first counts.
// The "default" entry is left out: it would hand a password to every host.
func parseNetrc(text string) map[string]*url.Userinfo {
	logins := make(map[string]*url.Userinfo)
	var host, user, password, key string
	end := func() {
		if host != "" && logins[host] == nil {
			logins[host] = url.UserPassword(user, password)
		}
		host, user, password = "", "", ""
	}
	for _, word := range netrcWords(text) {
		switch key {
		case "machine":
			host = strings.ToLower(word)
		case "login":
			user = word
		case "password":
			password = word
		}
		if key != "" {
			key = ""
			continue
		}
		switch word {
		case "machine", "default":
			end()
		}
		switch word {
		case "machine", "login", "password", "account":
			key = word
		}
	}
	end()
	return logins
}

// netrcWords splits the text at white space, without comments and macros. A
// macro ends with an empty line.
func netrcWords(text string) (words []string) {
	macro := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			macro = false
		case macro, strings.HasPrefix(fields[0], "#"):
		case fields[0] == "macdef":
			macro = true
		default:
			for _, field := range fields {
				words = append(words, strings.Trim(field, `"`))
			}
		}
	}
	return words
}

// login finds that of the address's host, for any port.
func (n netrc) login(u *url.URL) *url.Userinfo { return n.logins[strings.ToLower(u.Hostname())] }

// files are where logins can be, and those that can't be read.
func (n netrc) files() (all, unreadable []string) {
	if n.file != "" {
		all = []string{n.file}
	}
	if n.failure != nil {
		unreadable = []string{n.file}
	}
	return all, unreadable
}
