package server

import (
	"io"
	"io/fs"
	"net/http"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/access"
)

// A site is the server as a kind sees it. It implements artifact.Site.
type site struct {
	server *Server
	mirror artifact.Mirror
}

var _ artifact.Site = (*site)(nil)

func (s *site) Mirror() artifact.Mirror { return s.mirror }

func (s *site) Base(r *http.Request) string { return access.BaseAddress(r) }

func (s *site) ServeFile(w http.ResponseWriter, r *http.Request, name string) {
	s.server.serveFile(w, r, name, nil)
}

func (s *site) ServeFileAs(w http.ResponseWriter, r *http.Request, name string, has func(*artifact.Item) bool) {
	s.server.serveFile(w, r, name, has)
}

func (s *site) Open(name string) (io.ReadSeekCloser, error) {
	if made := s.server.view.Load().file(name); made != nil {
		return made.Open(false)
	}
	if at := s.server.image.Index(name); at >= 0 {
		return s.server.image.Open(&s.server.image.Catalog.Files[at])
	}
	return nil, fs.ErrNotExist
}

// Decide denies when it cannot decide: if the request's client is unknown, or the image does not have the item.
func (s *site) Decide(r *http.Request, item *artifact.Item) artifact.Verdict {
	e, found := exchangeOf(r)
	at := s.server.items.at(item.ID())
	if !found || at < 0 {
		return artifact.Verdict{Reason: errNobody.Error()}
	}
	return artifact.Verdict(s.server.viewOf(e).verdict(at, e.client.Address, e.start))
}

func (s *site) Ask(r *http.Request, item *artifact.Item, verdict artifact.Verdict) {
	e, _ := exchangeOf(r)
	e.artifact, e.rule, e.reason = item, verdict.Rule, verdict.Reason
	if !verdict.Allowed {
		e.verdict = audit.Denied
		e.say(denialPhrase(verdict))
	}
}
