package debian

import (
	"net/http"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/netboot"
)

// InitrdPath is where a mirror with packages of the installer offers what is appended to the installer's initrd.
const InitrdPath = "/minimirror.cpio"

// installerMirror is where an installer that runs on machines of the mirror's system finds its packages. found is false if the mirror
// has none.
func installerMirror(m artifact.Mirror, base string) (at netboot.Mirror, found bool) {
	for i := range m.Sources {
		s := &m.Sources[i]
		for j := range s.Releases {
			r := &s.Releases[j]
			further, _ := archive.FurtherOf(r)
			if !further.Udebs {
				continue
			}
			// Of the suites of a release, the one that the others belong to has the base system.
			if whole := withoutPocket(r.Name) == r.Name; !found || whole && withoutPocket(at.Suite) != at.Suite {
				at = netboot.Mirror{Base: base, Source: s.Name, Suite: r.Name, Sources: sourcesAddress(m, base), Key: m.PublicKey}
			}
			found = true
		}
	}
	return at, found
}

// initrdRoute answers with what is appended to the installer's initrd, for machines of the system that "codename" names.
func initrdRoute(site artifact.Site, m artifact.Mirror, systems []artifact.System) artifact.Route {
	return artifact.Route{Path: InitrdPath, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		system := artifact.FindSystem(systems, r.URL.Query().Get("codename"))
		if len(systems) > 0 && system == "" {
			answer(w, r, http.StatusNotFound, strings.ReplaceAll(systemsText(systems, site.Base(r)), SourcesPath, InitrdPath))
			return
		}
		at, found := installerMirror(forSystem(m, system), site.Base(r))
		if !found {
			answer(w, r, http.StatusNotFound, "The mirror has no packages of the installer for this system: the definition says \"udebs: true\" for none of its sources.\n")
			return
		}
		data, err := netboot.Initrd(at)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answerWith(w, r, http.StatusOK, "application/x-cpio", data)
	})}
}
