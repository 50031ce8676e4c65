package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// A siteKind answers at /wrapped/ through a writer of its own, at /lost/ for a request that has lost its context, at /page/ with
// what the client may have, and at /own/ with a denial in words of its own.
type siteKind struct{ servertest.Kind }

func (siteKind) Mount(site artifact.Site) []artifact.Route {
	name := func(r *http.Request) string { return imagetest.Source + "/" + strings.SplitN(r.URL.Path, "/", 3)[2] }
	find := func(path string) *artifact.Item {
		items := site.Mirror().Items
		for i := range items {
			if items[i].Files[0].Path == path {
				return &items[i]
			}
		}
		return nil
	}
	route := func(path string, handler http.HandlerFunc) artifact.Route {
		return artifact.Route{Path: path, Handler: handler}
	}
	return []artifact.Route{
		route("/wrapped/", func(w http.ResponseWriter, r *http.Request) {
			site.ServeFile(struct{ http.ResponseWriter }{w}, r, name(r))
		}),
		route("/lost/", func(w http.ResponseWriter, r *http.Request) {
			site.ServeFile(w, r.WithContext(context.Background()), name(r))
		}),
		route("/page/", func(w http.ResponseWriter, r *http.Request) {
			for i := range site.Mirror().Items {
				if item := &site.Mirror().Items[i]; site.Decide(r, item).Allowed {
					w.Write([]byte(item.Name + "\n"))
				}
			}
		}),
		route("/own/", func(w http.ResponseWriter, r *http.Request) {
			item := find(strings.TrimPrefix(r.URL.Path, "/own/"))
			verdict := site.Decide(r, item)
			site.Ask(r, item, verdict)
			if !verdict.Allowed {
				w.WriteHeader(http.StatusForbidden)
				w.Write([]byte("own words: " + verdict.Reason))
			}
		}),
	}
}

// What a kind does with the answer and the request takes nothing from the rules and the audit trail.
func TestSite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	servertest.WriteFile(t, file, "rules:\n - deny: { package: pool/big.bin, client: 192.0.2.0/24, reason: not you }\n")
	audited := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Open(audited, nil)
	servertest.Must(t, err)
	defer log.Close()
	h := servertest.New(t, server.Options{Rules: file, Kinds: []artifact.Kind{siteKind{}}, Audit: log}).Handler()
	call := func(client, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = client
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const denied, other = "192.0.2.1:1", "198.51.100.1:1"
	for _, c := range []struct {
		client, path string
		status       int
		in           string // the answer
	}{
		{denied, "/wrapped/pool/big.bin", 403, "not you"},
		{other, "/wrapped/pool/big.bin", 200, ""},
		{denied, "/wrapped/pool/a_1.0.bin", 200, ""},
		{other, "/lost/pool/a_1.0.bin", 500, ""},
		{denied, "/own/pool/big.bin", 403, "own words: not you"},
		{other, "/own/pool/big.bin", 200, ""},
	} {
		w := call(c.client, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.in) {
			t.Errorf("%s %s: %d %.100q", c.client, c.path, w.Code, w.Body)
		}
	}
	if page := call(denied, "/page/").Body.String(); strings.Contains(page, "pool/big.bin") || !strings.Contains(page, "pool/a_1.0.bin") {
		t.Errorf("the page of a client lists what it may not have:\n%s", page)
	}
	if page := call(other, "/page/").Body.String(); !strings.Contains(page, "pool/big.bin") {
		t.Errorf("the page of another client lacks it:\n%s", page)
	}
	text, err := os.ReadFile(audited)
	servertest.Must(t, err)
	trail := string(text)
	if got := strings.Count(trail, `"name":"pool/big.bin","version":"1","architecture":"all","verdict":"denied","rule":"rules.yaml:2","reason":"not you"`); got != 2 {
		t.Errorf("%d denials in the trail, want 2:\n%s", got, trail)
	}
}
