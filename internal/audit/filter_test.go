package audit_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/glob"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 30, 15, 0, time.UTC)
	for text, want := range map[string]string{
		"":                          "0001-01-01T00:00:00Z",
		"2026-11-20":                "2026-11-20T00:00:00Z",
		"2026-11-20 08:40":          "2026-11-20T08:40:00Z",
		"2026-11-20T08:40":          "2026-11-20T08:40:00Z",
		"2026-11-20 08:40:01":       "2026-11-20T08:40:01Z",
		"2026-11-20T08:40:00+01:00": "2026-11-20T07:40:00Z",
		"2026-11-20T08:40:00.5Z":    "2026-11-20T08:40:00.5Z",
		"7d":                        "2026-11-14T09:30:15Z",
		"36h":                       "2026-11-19T21:30:15Z",
		"1h30m":                     "2026-11-21T08:00:15Z",
		"yesterday":                 "", "-1h": "", "-1d": "", "d": "", "2026": "", "99999999d": "", "2026-13-01": "",
	} {
		got, err := audit.ParseTime(text, now)
		if want == "" {
			if !errors.Is(err, artifact.ErrUsage) {
				t.Errorf("%q: %s, %v", text, got, err)
			}
		} else if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %s, %v", text, got.Format(time.RFC3339Nano), err)
		}
	}
}

func TestFilter(t *testing.T) {
	networks, err := audit.ParseNetworks([]string{"10.0.0.7", "192.0.2.0/24", "::ffff:10.0.0.9", "2001:db8::/32"})
	must(t, err)
	record := func(change func(r *audit.Record)) *audit.Record { r := sample(); change(r); return r }
	from := func(address string) *audit.Record {
		return record(func(r *audit.Record) { r.Client = netip.MustParseAddr(address) })
	}
	clients, names := audit.Filter{Clients: networks}, audit.Filter{}
	names.Names, err = glob.ParseArguments([]string{"ba?h", "lib*"})
	must(t, err)
	since, until := audit.Filter{Since: sample().Time}, audit.Filter{Until: sample().Time}
	for i, c := range []struct {
		filter audit.Filter
		record *audit.Record
		want   bool
	}{
		{audit.Filter{}, sample(), true}, {audit.Filter{}, &audit.Record{}, true},
		{clients, from("10.0.0.7"), true}, {clients, from("10.0.0.8"), false}, {clients, from("192.0.2.200"), true}, {clients, from("10.0.0.9"), true},
		{clients, from("::ffff:192.0.2.1"), true}, {clients, from("2001:db8::1"), true}, {clients, from("::1"), false}, {clients, &audit.Record{}, false},
		{names, sample(), true}, {names, record(func(r *audit.Record) { r.Name = "bash-doc" }), false},
		{names, record(func(r *audit.Record) { r.Name = "libc6" }), true}, {names, record(func(r *audit.Record) { r.Name = "" }), false},
		{since, sample(), true}, {since, record(func(r *audit.Record) { r.Time = r.Time.Add(-1) }), false},
		{until, sample(), false}, {until, record(func(r *audit.Record) { r.Time = r.Time.Add(-1) }), true},
	} {
		if got := c.filter.Takes(c.record); got != c.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
	for _, wrong := range []string{"", "host", "10.0.0.0/33", "10.0.0"} {
		if _, err := audit.ParseNetworks([]string{wrong}); !errors.Is(err, artifact.ErrUsage) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
