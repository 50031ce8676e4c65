package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
)

// BenchmarkWrite compares writing a record with the bare write of the same bytes, and with log/slog, which writes
// a line of the same keys.
func BenchmarkWrite(b *testing.B) {
	record, line := sample(), []byte(sampleLine)
	for _, target := range []string{os.DevNull, "file"} {
		for _, goroutines := range []int{1, 16} {
			file := target
			if file == "file" {
				file = filepath.Join(b.TempDir(), "audit.log")
			}
			run := func(name string, write func()) {
				b.Run(fmt.Sprintf("%s/%d/%s", filepath.Base(target), goroutines, name), func(b *testing.B) {
					b.ReportAllocs()
					if goroutines == 1 {
						for b.Loop() {
							write()
						}
						return
					}
					b.SetParallelism(goroutines / 2) // times GOMAXPROCS
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							write()
						}
					})
				})
			}
			log := open(b, file)
			out, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
			must(b, err)
			slogger := slogLogger(out)
			run("write(2)", func() { out.Write(line) })
			run("audit", func() { log.Write(record) })
			run("slog", func() { logBySlog(slogger, record) })
			out.Close()
		}
	}
}

// slogLogger writes what a Log writes, as far as log/slog can.
func slogLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}}))
}

func logBySlog(l *slog.Logger, r *audit.Record) {
	l.LogAttrs(context.Background(), slog.LevelInfo, "", slog.String("client", r.Client.String()), slog.String("agent", r.Agent),
		slog.String("method", r.Method), slog.String("path", r.Path), slog.Int("status", r.Status), slog.String("kind", r.Kind),
		slog.String("artifact", r.Artifact), slog.String("name", r.Name), slog.String("version", r.Version),
		slog.String("architecture", r.Architecture), slog.String("verdict", string(r.Verdict)), slog.Int64("bytes", r.Bytes),
		slog.Float64("duration", r.Duration.Seconds()), slog.String("id", r.ID))
}

// BenchmarkAdd is the cost of a request for the report that a server keeps.
func BenchmarkAdd(b *testing.B) {
	downloads := make([]*audit.Record, 1<<14)
	floods := make([]*audit.Record, 1<<16)
	for i := range downloads {
		downloads[i] = fetched(i%600, i%500, fmt.Sprintf("package-%d_1.2.3-4_amd64", i%5000), 90_000)
	}
	for i := range floods {
		floods[i] = missedPath(i%600, i, fmt.Sprintf("/main/pool/p/package/package-%d_1.2.3-4_amd64.pkg", i))
	}
	for _, load := range []struct {
		name    string
		records []*audit.Record
	}{{"downloads", downloads}, {"flood", floods}} {
		s := audit.NewSummary()
		b.Run(load.name+"/1", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Add(load.records[i%len(load.records)])
			}
		})
		b.Run(load.name+"/16", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					s.Add(load.records[i%len(load.records)])
				}
			})
		})
	}
}

// BenchmarkReport is what a server's status costs with a summary that is full.
func BenchmarkReport(b *testing.B) {
	s := audit.NewSummary()
	names := make([]string, 60_000)
	for i := range names {
		names[i] = fmt.Sprintf("package-%d_1.2.3-4_amd64", i)
		s.Add(fetched(i, i%500, names[i], 1))
		s.Add(missedPath(i, i, "/"+names[i]))
	}
	artifacts := slices.Collect(carried(names...))
	b.ReportAllocs()
	for b.Loop() {
		s.Report(audit.ReportOptions{Rows: 100, Addresses: 20, Carried: slices.Values(artifacts)})
	}
}

// BenchmarkRead is reading a log for a report.
func BenchmarkRead(b *testing.B) {
	log := bytes.Repeat([]byte(sampleLine), 1000)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		s := audit.NewLargeSummary()
		if _, err := audit.Read(bytes.NewReader(log), func(r *audit.Record) error { s.Add(r); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
