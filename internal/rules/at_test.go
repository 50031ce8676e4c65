package rules

import (
	"net/netip"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestAt(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		rule                string
		now                 int
		absent, conditional bool
		next                int // day; 0: none
	}{
		"begins later":    {"deny: { package: a, from: 2026-01-10 }", 5, false, false, 10},
		"has begun":       {"deny: { package: a, from: 2026-01-10 }", 10, true, false, 0},
		"lasts":           {"deny: { package: a, from: 2026-01-10, until: 2026-01-20 }", 15, true, false, 21},
		"is over":         {"deny: { package: a, from: 2026-01-10, until: 2026-01-20 }", 21, false, false, 0},
		"for all clients": {"deny: { package: a, client: [0.0.0.0/0, '::/0'] }", 5, true, false, 0},
		"for IPv4":        {"deny: { package: a, client: 0.0.0.0/0 }", 5, false, true, 0},
		"each day":        {"deny: { package: a, time: '08:00-18:00' }", 5, false, true, 0},
		"an allow before": {"allow: { package: a, until: 2026-01-03 }\n - deny: { package: a }", 5, true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse("rules.yaml", []byte("rules:\n - "+c.rule+"\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			at, next := r.At(day(c.now))
			table := at.Apply([]artifact.Item{{Name: "a"}}, nil)
			if got := table.Absent(0); got != c.absent {
				t.Errorf("absent: %t", got)
			}
			if _, got := table.Conditional(0); got != c.conditional {
				t.Errorf("conditional: %t", got)
			}
			want := func(n int) time.Time {
				if n == 0 {
					return time.Time{}
				}
				return day(n)
			}
			if !next.Equal(want(c.next)) {
				t.Errorf("next %s", next)
			}
			client := netip.MustParseAddr("192.0.2.1")
			old := r.Apply([]artifact.Item{{Name: "a"}}, nil).Verdict(0, client, day(c.now))
			if got := table.Verdict(0, client, day(c.now)); got != old {
				t.Errorf("verdict %v, want %v", got, old)
			}
			if at.Len() != r.Len() || len(at.List()) != len(r.List()) {
				t.Error("the list has changed")
			}
		})
	}
}
