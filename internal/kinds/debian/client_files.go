package debian

import (
	"fmt"
	"net/url"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Client implements artifact.Server. To prefer the mirror is to pin it above all other
// sources: apt_preferences(5).
func (Kind) Client(m artifact.Mirror, base string, prefer bool) artifact.Client {
	if len(m.Sources) == 0 {
		return artifact.Client{}
	}
	c := artifact.Client{
		Files:   []artifact.ClientFile{{Path: "/" + clientFile, Data: []byte(sourcesFile(m, base))}},
		Refresh: []string{"apt-get", "update"},
	}
	if u, err := url.Parse(base); err == nil && prefer {
		c.Files = append(c.Files, artifact.ClientFile{Path: "/etc/apt/preferences.d/minimirror",
			Data: fmt.Appendf(nil, "Package: *\nPin: origin %q\nPin-Priority: 990\n", u.Hostname())})
	}
	return c
}
