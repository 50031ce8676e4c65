package server

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/answer"
)

// turnPatience is how long a request waits for its turn.
const turnPatience = 10 * time.Second

// inTurn lets a few requests at once to what costs memory and time: pages and the API are for people, and never at the
// expense of downloads.
func (s *Server) inTurn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wait := time.NewTimer(turnPatience)
		defer wait.Stop()
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
			defer s.compute()()
			next(w, r)
		case <-r.Context().Done():
		case <-wait.C:
			w.Header().Set("Retry-After", "10")
			answer.Text(w, r, http.StatusServiceUnavailable, "The mirror is busy with other pages.\n")
		}
	}
}

// ownPages marks a page that does not exist as such: it is not an item that clients miss.
func ownPages(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		next(w, r)
		if e, found := exchangeOf(r); found && e.Status == http.StatusNotFound {
			e.verdict = audit.Metadata
		}
	}
}
