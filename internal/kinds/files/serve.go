package files

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// prefix is where a mirror offers files: /files/SOURCE/PATH.
const prefix = "/files/"

// Reserved implements artifact.Reserver.
func (Kind) Reserved() []string { return []string{strings.Trim(prefix, "/")} }

// Address implements artifact.Addresser.
func (Kind) Address(i *artifact.Item, f *artifact.File) string { return prefix + i.FileID(f) }

// Mount implements artifact.Kind: the files, and a page for each folder, which lists what this client may have.
func (Kind) Mount(site artifact.Site) []artifact.Route {
	m := site.Mirror()
	if len(m.Sources) == 0 {
		return nil
	}
	s := &shelf{site: site, folders: make(map[string]*folder)}
	for i := range m.Sources {
		source := &m.Sources[i]
		s.add(source.Name+"/"+sumsFile, nil)
		s.add(source.Name+"/"+sumsSignature, nil)
		if isHelm(source) {
			s.add(source.Name+"/"+indexName, nil)
		}
	}
	for i := range m.Items {
		for f := range m.Items[i].Files {
			s.add(m.Items[i].FileID(&m.Items[i].Files[f]), &m.Items[i])
		}
	}
	for _, f := range s.folders {
		slices.SortFunc(f.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
		slices.Sort(f.folders)
	}
	return []artifact.Route{{Path: prefix, Handler: s}}
}

// A shelf answers below prefix. It never changes.
type shelf struct {
	site    artifact.Site
	folders map[string]*folder // by path, "" is all sources
}

type folder struct {
	folders []string // names
	files   []file
}

type file struct {
	name string
	item *artifact.Item // nil: the mirror has made it
}

// add puts a file into its folder, and the folder into the one above, up to the first.
func (s *shelf) add(name string, item *artifact.Item) {
	dir := s.folder(strings.TrimSuffix(path.Dir(name), "."))
	dir.files = append(dir.files, file{path.Base(name), item})
}

func (s *shelf) folder(name string) *folder {
	if f := s.folders[name]; f != nil {
		return f
	}
	f := &folder{}
	s.folders[name] = f
	if name != "" {
		above := s.folder(strings.TrimSuffix(path.Dir(name), "."))
		above.folders = append(above.folders, path.Base(name))
	}
	return f
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, prefix)
	source, _, below := strings.Cut(name, "/")
	switch dir := s.folders[strings.TrimSuffix(name, "/")]; {
	case dir != nil && (name == "" || strings.HasSuffix(name, "/")):
		s.list(w, r, name, dir)
	case dir != nil:
		w.Header().Set("Location", (&url.URL{Path: path.Base(name) + "/"}).String())
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusMovedPermanently)
	case below && s.folders[source] != nil:
		switch path.Base(name) {
		case sumsSignature:
			w.Header().Set("Content-Type", "application/pgp-signature")
		case indexName:
			w.Header().Set("Content-Type", "application/yaml")
		}
		s.site.ServeFile(w, r, name)
	default:
		s.site.ServeFile(w, r, strings.TrimPrefix(prefix, "/")+name) // nothing is there
	}
}

// list lists a folder: in HTML to those who ask for it, one name a line to curl.
func (s *shelf) list(w http.ResponseWriter, r *http.Request, name string, dir *folder) {
	var names []string
	var details []string
	for _, f := range dir.folders {
		names, details = append(names, f+"/"), append(details, "")
	}
	for _, f := range dir.files {
		detail := ""
		if f.item != nil {
			if !s.site.Decide(r, f.item).Allowed {
				continue
			}
			detail = fmt.Sprintf("%d bytes", f.item.Size())
			if f.item.Version != "" {
				detail = f.item.Version + ", " + detail
			}
		}
		names, details = append(names, f.name), append(details, detail)
	}
	header := w.Header()
	header.Set("Vary", "Accept")
	header.Set("Cache-Control", "no-store") // it depends on the rules and the client
	header.Set("X-Content-Type-Options", "nosniff")
	var b strings.Builder
	if wantsHTML(r) {
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", "default-src 'none'")
		title := html.EscapeString(artifact.Printable(prefix + name))
		fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%[1]s</title></head><body>\n<h1>%[1]s</h1>\n<p><a href=\"/\">mirror</a>", title)
		if name != "" {
			b.WriteString(" <a href=\"../\">up</a>")
		}
		b.WriteString("</p>\n<ul>\n")
		for i, n := range names {
			fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a> %s</li>\n", html.EscapeString((&url.URL{Path: n}).String()), html.EscapeString(artifact.Printable(n)), html.EscapeString(artifact.Printable(details[i])))
		}
		b.WriteString("</ul>\n</body></html>\n")
	} else {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		for _, n := range names {
			b.WriteString(artifact.Printable(n) + "\n")
		}
	}
	header.Set("Content-Length", fmt.Sprint(b.Len()))
	if r.Method != http.MethodHead {
		fmt.Fprint(w, b.String())
	}
}

// wantsHTML reports whether the client names HTML: browsers do, curl and wget do not.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")), "text/html")
}
