package pages

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/server/access"
	"github.com/minimirror/minimirror/server/answer"
	"github.com/minimirror/minimirror/server/inventory"
)

// about is what the pages tell of the image.
type about struct {
	Date      string
	Artifacts int
	Size      string
	Sources   []sourceAbout
	Sets      []setAbout
	Keys      []signing.Info

	// These depend on the request.
	Base   string
	Usages []string
	Usage  []usagePart // the same, in pieces, for HTML
	Rules  inventory.RulesState
}

// A usagePart is a paragraph of a kind's Usage, or lines to type: those that are indented.
type usagePart struct {
	Text    string
	Command bool
}

type sourceAbout struct {
	Kind, Name, URL string
	Artifacts       int
	Items           string // the same in words
	Size            string
}

type setAbout struct {
	inventory.SetName
	Holds string
}

func newAbout(v *inventory.Inventory) about {
	c := v.Image.Catalog
	a := about{Date: c.Date.UTC().Format(time.RFC3339), Keys: v.Keys}
	counts, sizes, size := map[string]int{}, map[string]int64{}, int64(0)
	for i := range c.Items {
		counts[c.Items[i].Source]++
		sizes[c.Items[i].Source] += c.Items[i].Size()
		size += c.Items[i].Size()
	}
	a.Artifacts, a.Size = len(c.Items), bytesize.Text(size)
	for _, s := range c.Sources {
		source := sourceAbout{Kind: s.Kind, Name: s.Name, Artifacts: counts[s.Name], Items: countOf(counts[s.Name], "item"), Size: bytesize.Text(sizes[s.Name])}
		if len(s.URLs) > 0 {
			source.URL = s.URLs[0]
		}
		a.Sources = append(a.Sources, source)
	}
	for _, set := range c.Sets {
		about := setAbout{SetName: inventory.SetName{Name: set.Name, Nodes: set.Nodes()}}
		contents := v.Set(about.SetName)
		var requested []string
		for _, item := range contents.Requested {
			requested = append(requested, item.Name)
		}
		about.Holds = countOf(len(contents.Items), "item") + ", " + bytesize.Text(contents.Size)
		if requested != nil {
			about.Holds = strings.Join(requested, ", ") + "; " + about.Holds
		}
		a.Sets = append(a.Sets, about)
	}
	return a
}

// ServeHome says what the mirror is and how to use it: in HTML to those who ask for it, in plain
// text to curl.
func (p *Pages) ServeHome(w http.ResponseWriter, r *http.Request) {
	frame, about := p.frame("miniMirror: "+p.Inventory.Image.Catalog.Name, ""), p.about
	about.Base, about.Rules = access.BaseAddress(r), p.Inventory.Rules()
	for _, usage := range p.Usages(about.Base) {
		if usage = strings.TrimSpace(usage); usage != "" {
			about.Usages = append(about.Usages, usage)
		}
	}
	w.Header().Set("Vary", "Accept")
	if wantsHTML(r) {
		for _, usage := range about.Usages {
			about.Usage = append(about.Usage, usageParts(usage)...)
		}
		p.show(w, r, http.StatusOK, "home.html", homePage{frame, about})
		return
	}
	var text bytes.Buffer
	// Not homePage: a template needs long to find the fields of embedded structs.
	if err := p.text.Execute(&text, struct{ Frame, About any }{&frame, &about}); err != nil {
		panic(err) // a template that does not fit the page
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	answer.Send(w, r, http.StatusOK, text.Bytes())
}

// A homePage is what home.html shows.
type homePage struct {
	frame
	about
}

// usageParts cuts a text at empty lines, and where what is indented begins or ends.
func usageParts(text string) (parts []usagePart) {
	fresh := true
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) == "" {
			fresh = true
			continue
		}
		line, command := strings.CutPrefix(line, "  ")
		if n := len(parts); !fresh && parts[n-1].Command == command {
			parts[n-1].Text += "\n" + line
		} else {
			parts = append(parts, usagePart{line, command})
		}
		fresh = false
	}
	return parts
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
