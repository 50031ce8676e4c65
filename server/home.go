package server

import (
	"net/http"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/minimirror/minimirror/internal/image"
)

// about is what the pages tell of the image.
type about struct {
	Date    string
	Sources []sourceAbout
	Sets    []setAbout

	// These depend on the request.
	Base   string
	Usages []string
}

type sourceAbout struct {
	Kind, Name, URL string
	Artifacts       int
	Size            string
}

type setAbout struct {
	Name, Architecture string
	Artifacts          int
}

func newAbout(c *image.Catalog) about {
	a := about{Date: c.Date.UTC().Format(time.RFC3339)}
	counts, sizes := map[string]int{}, map[string]int64{}
	for i := range c.Artifacts {
		counts[c.Artifacts[i].Source]++
		sizes[c.Artifacts[i].Source] += c.Artifacts[i].Size
	}
	for _, s := range c.Sources {
		source := sourceAbout{Kind: s.Kind, Name: s.Name, Artifacts: counts[s.Name], Size: megabytes(sizes[s.Name])}
		if len(s.URLs) > 0 {
			source.URL = s.URLs[0]
		}
		a.Sources = append(a.Sources, source)
	}
	for _, set := range c.Sets {
		a.Sets = append(a.Sets, setAbout{set.Name, set.Architecture, len(set.Artifacts)})
	}
	return a
}

// serveHome says what the mirror is and how to use it: in HTML to those who ask for it, in plain
// text to curl.
func (p *pages) serveHome(w http.ResponseWriter, r *http.Request) {
	page := struct {
		frame
		about
	}{p.frame("miniMirror: "+p.server.image.Catalog.Name, ""), p.about}
	page.Base = baseAddress(r)
	for _, m := range p.server.mounts {
		if usage := strings.TrimSpace(m.kind.Usage(m.mirror, page.Base)); usage != "" {
			page.Usages = append(page.Usages, usage)
		}
	}
	w.Header().Set("Vary", "Accept")
	if wantsHTML(r) {
		p.show(w, http.StatusOK, "home.html", page)
		return
	}
	var text strings.Builder
	if err := p.text.Execute(&text, page); err != nil {
		panic(err) // a template that does not fit the page
	}
	w.Header().Set("Cache-Control", "no-cache")
	plain(w, http.StatusOK, text.String())
}

func parseText(name string) (*texttemplate.Template, error) {
	return texttemplate.ParseFS(pageFiles, name)
}

// wantsHTML reports whether the client names HTML: browsers and lynx do, curl and wget do not.
func wantsHTML(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			mediaType, parameters, _ := strings.Cut(part, ";")
			if strings.TrimSpace(strings.ToLower(mediaType)) == "text/html" && strings.ReplaceAll(parameters, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}
