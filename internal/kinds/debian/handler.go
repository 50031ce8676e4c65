package debian

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// SourcesPath is where a mirror offers the deb822 file that makes a machine its client.
const SourcesPath = "/minimirror.sources"

// Reserved implements artifact.Reserver.
func (Kind) Reserved() []string {
	return []string{strings.Trim(SourcesPath, "/"), strings.Trim(InitrdPath, "/")}
}

// Mount implements artifact.Kind: the files of a repository, which are
// static, and the client's configuration.
func (Kind) Mount(site artifact.Site) []artifact.Route {
	m := site.Mirror()
	if len(m.Sources) == 0 {
		return nil
	}
	upstream := archive.NewUpstreamPaths(m.Sources)
	files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if deb822.IsPackageFile(r.URL.Path) {
			w.Header().Set("Content-Type", "application/vnd.debian.binary-package")
		}
		site.ServeFile(w, r, upstream.File(strings.TrimPrefix(r.URL.Path, "/")))
	})
	systems := Kind{}.Systems(m.Sources)
	routes := []artifact.Route{{Path: SourcesPath, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		codename := r.URL.Query().Get("codename")
		system := artifact.FindSystem(systems, codename)
		if len(systems) > 0 && system == "" && codename != allSystems {
			answer(w, r, http.StatusNotFound, systemsText(systems, site.Base(r)))
			return
		}
		answer(w, r, http.StatusOK, sourcesFile(forSystem(m, system), site.Base(r)))
	})}}
	for _, s := range systems {
		routes = append(routes, artifact.Route{Path: "/" + sourcesName(s.Name), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, http.StatusOK, sourcesFile(forSystem(m, s.Name), site.Base(r)))
		})})
	}
	if _, found := installerMirror(m, ""); found {
		routes = append(routes, initrdRoute(site, m, systems))
	}
	for _, s := range m.Sources {
		routes = append(routes, artifact.Route{Path: "/" + s.Name + "/", Handler: files})
		if s.ServeUpstream {
			routes = append(routes, artifact.Route{Path: archive.UpstreamPrefix + s.Name + "/", Handler: files})
		}
	}
	return routes
}

// allSystems as a codename stands for the sources of all systems: for programs that check the mirror, not for clients.
const allSystems = "*"

// forSystem is the mirror as nodes of a system see it; without a name, all of it.
func forSystem(m artifact.Mirror, system string) artifact.Mirror {
	if system != "" {
		m.Pins = m.Pins.ForSystem(system)
	}
	return m
}

// answer writes a text that depends on the address that the client used.
func answer(w http.ResponseWriter, r *http.Request, status int, body string) {
	answerWith(w, r, status, "text/plain; charset=utf-8", []byte(body))
}

func answerWith(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// sourcesFile is a deb822 sources file, sources.list(5), with the key inside
// (apt 2.3.10 and later).
func sourcesFile(m artifact.Mirror, base string) string {
	var b strings.Builder
	for _, s := range m.Sources {
		for _, part := range archive.ByComponents(s.Releases) {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			types := "deb"
			if slices.ContainsFunc(s.Releases, publishesSources) {
				types += " deb-src"
			}
			fmt.Fprintf(&b, "Types: %s\nURIs: %s/%s\nSuites: %s\n", types, base, s.Name, strings.Join(part.Suites, " "))
			if part.Components != "" {
				fmt.Fprintf(&b, "Components: %s\n", part.Components)
			}
			b.WriteString("Signed-By:\n")
			for line := range strings.Lines(strings.TrimSpace(string(m.PublicKey))) {
				if line = strings.TrimRight(line, "\r\n"); line == "" {
					line = "."
				}
				fmt.Fprintf(&b, " %s\n", line)
			}
		}
	}
	return b.String()
}

func publishesSources(r artifact.Release) bool {
	further, _ := archive.FurtherOf(&r)
	return further.Sources
}

// Usage implements artifact.Guide.
func (Kind) Usage(m artifact.Mirror, base string) string {
	if len(m.Sources) == 0 {
		return ""
	}
	address, prepare, more := base+SourcesPath, "", ""
	if systems := (Kind{}).Systems(m.Sources); len(systems) > 0 {
		address, prepare, more = `"`+address+`?codename=$VERSION_CODENAME"`, "  . /etc/os-release\n", "\n"+systemsText(systems, base)
	}
	text := fmt.Sprintf(`Debian packages, for apt 2.3.10 or later, as root:

%[2]s  curl -fsS %[1]s -o /etc/apt/sources.list.d/minimirror.sources
  apt-get update

Without curl: /usr/lib/apt/apt-helper download-file %[1]s /etc/apt/sources.list.d/minimirror.sources

Other sources of the machine stay as they are; move them away if they can't be reached.
%[3]s`, address, prepare, more)
	for _, s := range m.Sources {
		if s.ServeUpstream {
			text += archive.UpstreamInstructions(&s, base)
		}
	}
	return text
}
