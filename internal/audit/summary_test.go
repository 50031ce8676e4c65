package audit_test

import (
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
)

// The clients of a row are as many as they are, whatever holds them.
func TestClientsAreCounted(t *testing.T) {
	for _, n := range []int{1, 2, 3, 31, 32, 33, 34, 64, 65, 1000} {
		for _, reverse := range []bool{false, true} {
			s := audit.NewSummary()
			for i := range 1000 { // they have numbers
				s.Add(&audit.Record{Time: at(0), Client: client(i), Verdict: audit.Metadata})
			}
			for range 2 {
				for i := range n {
					by := i * 1000 / n
					if reverse {
						by = 999 - by
					}
					s.Add(fetched(0, by, "bash", 1))
				}
			}
			row := s.Report(audit.ReportOptions{}).Fetched.Rows[0]
			if row.Clients != n || row.AtLeast || len(row.Addresses) != n || row.Requests != int64(2*n) || !slices.IsSortedFunc(row.Addresses, netip.Addr.Compare) {
				t.Errorf("%d clients, reverse %v: %d, %d addresses of %d requests", n, reverse, row.Clients, len(row.Addresses), row.Requests)
			}
		}
	}
}

// Whatever clients do, a summary keeps to its memory, and what it has to leave out is counted.
func TestSummaryIsBounded(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for name, record := range map[string]func(i int) *audit.Record{
		"paths":       func(i int) *audit.Record { return missedPath(0, 1, fmt.Sprintf("/%d", i)) },
		"long paths":  func(i int) *audit.Record { return missedPath(0, i, fmt.Sprintf("/%d/%s", i, long)) },
		"names":       func(i int) *audit.Record { return missed(0, i, fmt.Sprintf("%d%s", i, long)) },
		"artifacts":   func(i int) *audit.Record { return fetched(0, i, fmt.Sprintf("package-%d", i), 1) },
		"denials":     func(i int) *audit.Record { return denied(0, i, fmt.Sprintf("package-%d", i)) },
		"few of many": func(i int) *audit.Record { return fetched(0, i%10_000, fmt.Sprintf("package-%d", i/10_000), 1) },
		"many of few": func(i int) *audit.Record { return fetched(0, i/500, fmt.Sprintf("package-%d", i%500), 1) },
		"users and kinds": func(i int) *audit.Record {
			r := fetched(0, i%10_000, "bash", 1)
			r.User, r.Kind = fmt.Sprintf("%d%s", i, long), fmt.Sprintf("%d%s", i, long)
			return r
		},
		"everything": func(i int) *audit.Record {
			r := full(fmt.Sprintf("%d%s", i/4, long))
			r.Client, r.Time, r.Verdict = client(i), at(0), audit.Verdicts[i%len(audit.Verdicts)]
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			const requests = 30_000
			before := heap()
			s := audit.NewSummary()
			for i := range requests {
				s.Add(record(i))
			}
			if used := heap() - before; used > 10_000_000 {
				t.Errorf("%d bytes", used)
			} else {
				t.Logf("%d bytes", used)
			}
			r := s.Report(audit.ReportOptions{})
			sum := r.Fetched.Unlisted + r.Missing.Unlisted + r.Denied.Unlisted
			for _, row := range r.Fetched.Rows {
				sum += row.Requests
			}
			for _, row := range r.Missing.Rows {
				sum += row.Requests
			}
			for _, row := range r.Denied.Rows {
				sum += row.Requests
			}
			listed := r.Clients.Unlisted
			for _, row := range r.Clients.Rows {
				listed += row.Requests
			}
			want := r.Verdicts[0].Requests + r.Verdicts[1].Requests + r.Verdicts[2].Requests
			if r.Requests != requests || sum != want || listed != requests {
				t.Errorf("%d requests: rows have %d of %d, clients %d", r.Requests, sum, want, listed)
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// One client asks for more than can be kept. What others want stays.
func TestFloodLeavesWishes(t *testing.T) {
	s := audit.NewSummary()
	for i := range 100 {
		s.Add(missed(i, 1, fmt.Sprintf("wanted-by-two-%d", i)))
		s.Add(missed(i, 2, fmt.Sprintf("wanted-by-two-%d", i)))
		s.Add(missed(i, 3, fmt.Sprintf("wanted-twice-%d", i)))
		s.Add(missed(i, 3, fmt.Sprintf("wanted-twice-%d", i)))
	}
	for i := range 30_000 {
		s.Add(missedPath(200, 4, fmt.Sprintf("/%d", i)))
	}
	list := s.Report(audit.ReportOptions{Rows: 201}).Missing
	wanted := 0
	for _, m := range list.Rows {
		if strings.HasPrefix(m.Name, "wanted") {
			wanted++
		}
	}
	if wanted != 200 || list.Total < 3000 || list.Unlisted != 30_000-int64(list.Total-200) {
		t.Errorf("%d of 200, %d rows, %d requests unlisted", wanted, list.Total, list.Unlisted)
	}
}

func TestFullSummaryIsUncertain(t *testing.T) {
	s := audit.NewSummary()
	for i := range 50_000 {
		s.Add(fetched(0, 1, fmt.Sprintf("package-%d", i), 1))
	}
	r := s.Report(audit.ReportOptions{Carried: carried("package-49999", "bash")})
	if !r.Never.Uncertain || r.Fetched.Total < 8000 {
		t.Errorf("%d rows, uncertain %v", r.Fetched.Total, r.Never.Uncertain)
	}
}

func TestConcurrent(t *testing.T) {
	s := audit.NewSummary()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 3000 {
				s.Add(fetched(i, w*i, fmt.Sprintf("%d", i), 1))
				s.Add(missedPath(i, w, fmt.Sprintf("/%d/%d/%s", w, i, strings.Repeat("x", 300))))
			}
		})
	}
	for range 20 {
		must(t, s.Report(audit.ReportOptions{Rows: 50, Carried: carried("1", "2")}).Text(io.Discard))
	}
	wg.Wait()
	if r := s.Report(audit.ReportOptions{}); r.Requests != 48_000 || r.Fetched.Total != 3000 {
		t.Errorf("%d requests, %d artifacts", r.Requests, r.Fetched.Total)
	}
}
