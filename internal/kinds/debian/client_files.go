package debian

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/netboot"
)

// authorityFile has the certificates of those who have signed the mirror's.
const authorityFile = "/etc/apt/minimirror-ca.pem"

// Clients implements artifact.Guide. To prefer the mirror is to pin it above all other
// sources, but for suites that are not automatic, which keep their priority: apt_preferences(5), where the first
// record that fits a suite counts.
func (Kind) Clients(m artifact.Mirror, o artifact.ClientOptions) []artifact.Client {
	if len(m.Sources) == 0 {
		return nil
	}
	base := o.Base
	c := artifact.Client{
		Files:   []artifact.ClientFile{{Path: "/" + clientFile, Data: []byte(sourcesFile(m, base))}},
		Refresh: []string{"apt-get", "update"},
		Renewal: renewal(m, base),
		Note:    "The client's other apt sources stay as they are. If it cannot reach them, disable them: each apt-get update waits for them.",
	}
	if at, found := installerMirror(m, base); found {
		if data, err := netboot.Initrd(at); err == nil {
			c.New = append(c.New, artifact.ClientFile{Path: path.Base(InitrdPath), Data: data})
		}
	}
	u, err := url.Parse(base)
	if err == nil && u.Scheme == "https" && o.Authority != nil {
		scope := "Acquire::https::" + u.Hostname()
		if strings.Contains(u.Hostname(), ":") { // apt.conf(5) has no way to write the number of an IPv6 host
			scope = "Acquire::https"
		}
		text := fmt.Sprintf("%s { CAInfo %q; };\n", scope, authorityFile)
		c.Files = append(c.Files, artifact.ClientFile{Path: authorityFile, Data: o.Authority}, artifact.ClientFile{Path: "/etc/apt/apt.conf.d/80minimirror", Data: []byte(text)})
	}
	if err == nil && o.Prefer {
		text := strings.Join(keptPriorities(m.Sources), "") + fmt.Sprintf("Package: *\nPin: origin %q\nPin-Priority: 990\n", u.Hostname())
		c.Files = append(c.Files, artifact.ClientFile{Path: "/etc/apt/preferences.d/minimirror", Data: []byte(text)})
	}
	return []artifact.Client{c}
}

// keptPriorities are records for the suites of less than 500, by the names that their Release files give.
func keptPriorities(sources []artifact.Source) (records []string) {
	for _, src := range sources {
		for _, r := range src.Releases {
			header, err := deb822.ParseParagraphs([]byte(strings.Join(r.Metadata, "\n")))
			if err != nil || len(header) != 1 {
				continue
			}
			priority := deb822.ReleasePriority(header[0])
			pin := "n=" + header[0].Get("Codename")
			if pin == "n=" {
				pin = "a=" + header[0].Get("Suite")
			}
			record := fmt.Sprintf("Package: *\nPin: release %s\nPin-Priority: %d\n\n", pin, priority)
			if priority < 500 && pin != "a=" && !slices.Contains(records, record) {
				records = append(records, record)
			}
		}
	}
	return records
}
