package server

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/server/answer"
)

// queueTime is how long a request waits for others.
const queueTime = 10 * time.Second

// limitConcurrency lets a few requests at once use what costs memory and time: pages and the API are for people, and never at the
// expense of downloads.
func (s *Server) limitConcurrency(next http.HandlerFunc) http.HandlerFunc {
	return limited(s.computing, next)
}

// limited lets as many requests at once through as running has room for.
func limited(running chan struct{}, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wait := time.NewTimer(queueTime)
		defer wait.Stop()
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
			next(w, r)
		case <-r.Context().Done():
		case <-wait.C:
			w.Header().Set("Retry-After", "10")
			answer.Text(w, r, http.StatusServiceUnavailable, "The mirror is busy with other pages.\n")
		}
	}
}
