package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/answer"
	"github.com/minimirror/minimirror/server/inventory"
)

// reloads remembers how the rules came into force.
type reloads struct {
	mu       sync.Mutex
	good     int
	failures int
	err      error // of the last; nil: it went well
	at       time.Time
}

func (r *reloads) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.err = time.Now(), err
	if err != nil {
		r.failures++
	} else {
		r.good++
	}
}

func (r *reloads) last() (good, failures int, at time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.good, r.failures, r.at, r.err
}

// serveHealth answers as long as the process can.
func serveHealth(w http.ResponseWriter, r *http.Request) { answer.Text(w, r, http.StatusOK, "ok\n") }

// serveReady answers 503 from the moment that the server is to end. It says on the lines after the
// first what an operator should know.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		answer.Text(w, r, http.StatusServiceUnavailable, "draining\n")
		return
	}
	answer.Text(w, r, http.StatusOK, "ready\n"+s.rulesStatus()+s.remoteStatus())
}

// rulesStatus is a line or two about the rules, or nothing where there are none.
func (s *Server) rulesStatus() string {
	if s.rulesFile == "" {
		return ""
	}
	var b strings.Builder
	v := s.view.Load()
	allowed, denied, conditional := v.table.Counts()
	good, _, at, err := s.reloads.last()
	fmt.Fprintf(&b, "rules: generation %d, loaded %s: %d items allowed, %d denied, %d by client or time\n",
		good, v.loaded.UTC().Format(time.RFC3339), allowed, denied, conditional)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintf(&b, "rules: the last reload, %s, failed; the rules before stay in force: %s\n", at.UTC().Format(time.RFC3339), line)
	}
	return b.String()
}

// rulesState is what is in force, for people and programs.
func (s *Server) rulesState() inventory.RulesState {
	state := inventory.RulesState{Status: s.rulesStatus(), Default: "allow", Rules: []inventory.ListedRule{}}
	v := s.view.Load()
	if v.table == nil {
		state.Allowed = len(s.image.Catalog.Items)
		return state
	}
	state.Generation, _, _, _ = s.reloads.last()
	state.Allowed, state.Denied, state.Conditional = v.table.Counts()
	decides := v.table.Decides()
	list := v.rules.List()
	for i, rule := range list {
		if i == len(list)-1 {
			state.Default = rule.Action
			break
		}
		state.Rules = append(state.Rules, inventory.ListedRule{Listed: rule, Artifacts: decides[i]})
	}
	return state
}

// report is what clients have asked for since the start: so many rows of each table.
func (s *Server) report(rows int) *audit.Report {
	return s.summary.Report(audit.ReportOptions{Rows: rows, Addresses: 20, Channels: s.offered, Carried: func(yield func(*artifact.Item) bool) {
		for i := range s.image.Catalog.Items {
			if !yield(&s.image.Catalog.Items[i]) {
				return
			}
		}
	}})
}

// decisions says what the rules decide about items for the client of a request, all by the same view.
func (s *Server) decisions(r *http.Request) (func(*artifact.Item) inventory.Decision, error) {
	e, found := exchangeOf(r)
	if !found {
		return nil, errNobody
	}
	v, now := s.view.Load(), time.Now()
	return func(item *artifact.Item) inventory.Decision {
		at := s.items.at(item.ID())
		if at < 0 || v.table == nil {
			return inventory.Decision{Verdict: inventory.Verdict{Allowed: true}}
		}
		d := inventory.Decision{Verdict: inventory.Verdict(v.table.Verdict(at, e.client.Address, now))}
		d.Conditional, _ = v.table.Conditional(at)
		return d
	}, nil
}
