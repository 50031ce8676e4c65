package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/access"
)

// opened makes the context of a connection's requests. It has the exchange, which one request uses after the other. It implements
// http1.Server.Context.
func (s *Server) opened(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(s.limits.Opened(ctx, c), exchangeKey{}, new(exchange))
}

// observe makes the exchange, answers errors, and tells the audit trail, the report
// and the metrics what has become of the request.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start, r := time.Now(), c.Request()
		e, found := exchangeOf(r)
		if !found { // the request came by no connection of Run
			r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
			c.SetRequest(r)
		}
		*e = exchange{start: start, Response: c.Response(), head: r.Method == http.MethodHead, limits: s.limits, fields: e.fields}
		// The path as it came: what follows cleans it.
		path, query := r.URL.Path, r.URL.RawQuery
		e.client = s.access.Identify(r)
		s.metrics.begin()
		aborted := true
		defer func() {
			if aborted {
				e.verdict = audit.Failed
			}
			record := audit.Record{
				Time: start, Client: e.client.Address, User: e.client.User, Agent: r.UserAgent(), Method: r.Method, Path: path,
				Status: e.Status, Kind: e.kind, Verdict: e.outcome(), Rule: e.rule, Reason: e.reason,
				Bytes: e.Size, Duration: time.Since(start), ID: s.ids.next(),
			}
			s.name(&record, e, path, query)
			if read := record.Verdict == audit.Metadata || record.Verdict == audit.Allowed; read && !e.head {
				record.Channel = s.channels[r.URL.Path]
			}
			s.tell(&record)
			e.view = nil // an idle connection keeps the exchange
		}()
		if err := next(c); err != nil {
			c.Error(err)
		}
		aborted = false
		return nil
	}
}

// refused is observe for a request that has no handler, since it could not be read. It implements http1.Server.Refused.
func (s *Server) refused(from net.Conn, status int, why string, sent int64) {
	s.metrics.begin()
	s.tell(&audit.Record{Time: time.Now(), Client: access.AddressOf(from), Status: status, Verdict: audit.Refused, Reason: why, Bytes: sent, ID: s.ids.next()})
}

func (s *Server) tell(record *audit.Record) {
	if s.audit != nil {
		s.audit.Write(record)
	}
	s.summary.Add(record)
	s.metrics.end(record)
}

// name says which item a record is about. Of one that is not carried, the kinds may know from the path
// and the query what it is.
func (s *Server) name(record *audit.Record, e *exchange, path, query string) {
	if e.lookedUp != "" {
		record.Name, record.Reason = e.lookedUp, audit.LookedUp
		return
	}
	a := e.artifact
	if a == nil && record.Verdict == audit.Missing {
		for _, m := range s.mounts {
			identifier, able := artifact.Able[artifact.Identifier](m.kind)
			if !able {
				continue
			}
			if a = identifier.Identify(path, query); a != nil {
				record.Kind = m.kind.Name()
				break
			}
		}
	} else if a != nil {
		record.Artifact, record.Size = a.ID(), e.size
	}
	if a == nil {
		a = &artifact.Item{}
	}
	record.Name, record.Version, record.Architecture = a.Name, a.Version, a.Architecture()
}

// ids are names of requests: one part is the process's own, the other counts.
type ids struct {
	process string
	count   atomic.Uint64
}

func newIDs() *ids {
	var random [6]byte
	rand.Read(random[:]) // never fails: crypto/rand
	return &ids{process: hex.EncodeToString(random[:]) + "-"}
}

func (i *ids) next() string { return i.process + strconv.FormatUint(i.count.Add(1), 36) }
