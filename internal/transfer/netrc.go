package transfer

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/artifact/netrc"
)

// A netrcFile has the logins of $NETRC, or ~/.netrc.
type netrcFile struct {
	name    string
	entries []netrc.Entry
	failure error
}

func readNetrc() (f netrcFile) {
	f.name = os.Getenv("NETRC")
	if f.name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return f
		}
		f.name = filepath.Join(home, ".netrc")
	}
	data, err := artifact.ReadFile(f.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.failure = err
	}
	f.entries = netrc.Parse(string(data))
	return f
}

// login finds that of the address's host, for any port; of two, the first counts.
func (f netrcFile) login(u *url.URL) *url.Userinfo {
	for _, e := range f.entries {
		if strings.EqualFold(e.Machine, u.Hostname()) {
			return e.Userinfo()
		}
	}
	return nil
}

// files are where logins can be, and those that can't be read.
func (f netrcFile) files() (all, unreadable []string) {
	if f.name != "" {
		all = []string{f.name}
	}
	if f.failure != nil {
		unreadable = []string{f.name}
	}
	return all, unreadable
}
