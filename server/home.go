package server

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	htmltemplate "html/template"
	"net/http"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/minimirror/minimirror/internal/image"
)

var (
	//go:embed home.html
	homeHTML string
	//go:embed home.txt
	homeText string
)

// A home is the page that says what the mirror is and how to use it: HTML for
// those who ask for it, plain text for curl.
type home struct {
	about  about
	mounts []mount
	html   *htmltemplate.Template
	text   *texttemplate.Template
}

// about is what the page tells of the image.
type about struct {
	Name, Version string
	Date, Lock    string
	Sources       []sourceAbout
	Sets          []setAbout

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

func newHome(c *image.Catalog, mounts []mount, version string) (*home, error) {
	h := &home{mounts: mounts, about: about{
		Name: c.Name, Version: cmp.Or(version, "unknown version"),
		Date: c.Date.UTC().Format(time.RFC3339), Lock: c.Lock,
	}}
	counts, sizes := map[string]int{}, map[string]int64{}
	for i := range c.Artifacts {
		a := &c.Artifacts[i]
		counts[a.Source]++
		sizes[a.Source] += a.Size
	}
	for _, s := range c.Sources {
		source := sourceAbout{Kind: s.Kind, Name: s.Name, Artifacts: counts[s.Name], Size: megabytes(sizes[s.Name])}
		if len(s.URLs) > 0 {
			source.URL = s.URLs[0]
		}
		h.about.Sources = append(h.about.Sources, source)
	}
	for _, set := range c.Sets {
		h.about.Sets = append(h.about.Sets, setAbout{set.Name, set.Architecture, len(set.Artifacts)})
	}
	var err error
	if h.html, err = htmltemplate.New("home.html").Parse(homeHTML); err != nil {
		return nil, err
	}
	h.text, err = texttemplate.New("home.txt").Parse(homeText)
	return h, err
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (h *home) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := h.about
	page.Base = baseAddress(r)
	for _, m := range h.mounts {
		if usage := strings.TrimSpace(m.kind.Usage(m.mirror, page.Base)); usage != "" {
			page.Usages = append(page.Usages, usage)
		}
	}
	header := w.Header()
	header.Set("Vary", "Accept")
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	var body bytes.Buffer
	var err error
	if wantsHTML(r) {
		header.Set("Content-Type", "text/html; charset=utf-8")
		err = h.html.Execute(&body, page)
	} else {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		err = h.text.Execute(&body, page)
	}
	if err != nil {
		panic(err) // a template that does not fit about
	}
	header.Set("Content-Length", fmt.Sprint(body.Len()))
	w.Write(body.Bytes())
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
