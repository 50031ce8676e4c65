package server

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/api"
)

// metrics are what a monitoring system wants to know, in the words of Prometheus.
type metrics struct {
	registry *prometheus.Registry
	running  prometheus.Gauge
	requests *prometheus.CounterVec   // by kind and verdict
	bytes    *prometheus.CounterVec   // likewise
	duration *prometheus.HistogramVec // by verdict
	known    map[string]map[audit.Verdict]outcomeMetrics
}

// outcomeMetrics are looked up once.
type outcomeMetrics struct {
	requests, bytes prometheus.Counter
	duration        prometheus.Observer
}

var verdicts = []audit.Verdict{audit.Allowed, audit.Denied, audit.Missing, audit.Metadata, audit.Refused, audit.Failed}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		running:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "minimirror_requests_in_flight", Help: "Requests that are being answered."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "minimirror_requests_total", Help: "Requests answered, by kind of item and by verdict."}, []string{"kind", "verdict"}),
		bytes:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "minimirror_sent_bytes_total", Help: "Bytes of bodies sent, by kind of item and by verdict."}, []string{"kind", "verdict"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "minimirror_request_duration_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100}}, []string{"verdict"}),
		known: map[string]map[audit.Verdict]outcomeMetrics{},
	}
	m.registry.MustRegister(m.running, m.requests, m.bytes, m.duration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	kinds := []string{""}
	for _, mount := range s.mounts {
		kinds = append(kinds, mount.kind.Name())
	}
	for _, kind := range kinds {
		m.known[kind] = map[audit.Verdict]outcomeMetrics{}
		for _, v := range verdicts {
			m.known[kind][v] = outcomeMetrics{m.requests.WithLabelValues(kind, string(v)), m.bytes.WithLabelValues(kind, string(v)), m.duration.WithLabelValues(string(v))}
		}
	}
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	counter("minimirror_audit_errors_total", "Lines of the audit trail that could not be written.", func() float64 {
		if s.audit == nil {
			return 0
		}
		return float64(s.audit.Errors())
	})
	counter("minimirror_read_errors_total", "Requests that failed because the mirror could not read its image.", s.faults.total)
	for _, key := range s.keys {
		if !key.Expires.IsZero() {
			m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "minimirror_signing_key_expiry_timestamp_seconds",
				Help: "When clients begin to refuse a key of the mirror; keys that do not expire are missing.", ConstLabels: prometheus.Labels{"fingerprint": key.Fingerprint}},
				func() float64 { return float64(key.Expires.Unix()) }))
		}
	}
	m.registry.MustRegister(channelCollector{s})
	s.remoteMetrics(gauge, counter)
	if s.rulesFile == "" {
		return m
	}
	gauge("minimirror_rules_generation", "How often the rules have come into force since the start.", func() float64 {
		good, _, _, _ := s.reloads.last()
		return float64(good)
	})
	gauge("minimirror_rules_loaded_timestamp_seconds", "When the rules that are in force were loaded.", func() float64 {
		return float64(s.view.Load().loaded.UnixMilli()) / 1000
	})
	gauge("minimirror_rules_failing", "1 when the last reload of the rules failed.", func() float64 {
		if _, _, _, err := s.reloads.last(); err != nil {
			return 1
		}
		return 0
	})
	counter("minimirror_rules_failures_total", "Reloads of the rules that failed.", func() float64 {
		_, failures, _, _ := s.reloads.last()
		return float64(failures)
	})
	for i, verdict := range []string{"allowed", "denied", "conditional"} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "minimirror_rules_artifacts", Help: "Items of the image, by what the rules say of them.",
			ConstLabels: prometheus.Labels{"verdict": verdict}}, func() float64 {
			allowed, denied, conditional := s.view.Load().table.Counts()
			return float64([]int{allowed, denied, conditional}[i])
		}))
	}
	return m
}

func (m *metrics) begin() { m.running.Inc() }

func (m *metrics) end(r *audit.Record) {
	m.running.Dec()
	o, found := m.known[r.Kind][r.Verdict]
	if !found {
		o = m.known[""][r.Verdict]
	}
	o.requests.Inc()
	o.bytes.Add(float64(r.Bytes))
	o.duration.Observe(r.Duration.Seconds())
}

// RunAdmin serves what is for operators and their monitoring alone, until ctx ends: /metrics, /healthz, /readyz,
// /api/v1/report and /api/v1/activity with the clients' addresses, and, where profiles is set, /debug/pprof/. It always closes l.
func (s *Server) RunAdmin(ctx context.Context, l net.Listener, profiles bool) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", serveHealth)
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET "+api.Root+"report", func(w http.ResponseWriter, r *http.Request) { s.api.ServeReport(w, r, true) })
	mux.HandleFunc("GET "+api.Root+"activity/{kind}/{name...}", func(w http.ResponseWriter, r *http.Request) {
		s.api.ServeActivity(w, r, r.PathValue("kind"), r.PathValue("name"))
	})
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: s.limits.HeaderTime, IdleTimeout: s.limits.Idle, MaxHeaderBytes: s.limits.HeaderSize}
	ended := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close()
		}
	})
	defer ended()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
