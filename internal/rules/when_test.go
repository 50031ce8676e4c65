package rules_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// TestWhen asks for the one artifact, which a rule denies.
func TestWhen(t *testing.T) {
	carried := []artifact.Item{deb(t, "a 1 amd64 s bookworm/main a")}
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct{ rule, denied, allowed string }{
		// Berlin is an hour ahead of UTC in winter, and two in summer.
		{"time: Mon 08:00-18:00", "2026-11-23T07:00:00Z 2026-11-23T16:59:59Z 2026-07-20T06:00:00Z", "2026-11-23T06:59:59Z 2026-11-23T17:00:00Z 2026-07-20T16:00:00Z"},
		{"time: Mon", "2026-11-22T23:00:00Z 2026-11-23T22:59:59Z", "2026-11-22T22:59:59Z 2026-11-23T23:00:00Z"},
		// The night of the change has the hour from 2 to 3 not at all, or twice.
		{"time: 02:00-03:00", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-01-02T01:30:00Z", "2026-03-29T00:59:59Z 2026-03-29T01:00:00Z 2026-03-29T01:30:00Z 2026-10-25T02:00:00Z"},
		{"time: [Sat, Sun, 20:00-06:00]", "2026-11-21T11:00:00Z 2026-11-23T22:00:00Z 2026-11-24T04:00:00Z", "2026-11-23T11:00:00Z"},
		{"from: 2026-12-01", "2026-11-30T23:00:00Z 2030-01-01T00:00:00Z", "2026-11-30T22:59:59Z"},
		{"until: 2026-12-01", "2020-01-01T00:00:00Z 2026-12-01T22:59:59Z", "2026-12-01T23:00:00Z"},
		{"until: 2026-12-01T12:00", "2026-12-01T10:59:59Z", "2026-12-01T11:00:00Z"},
		{"until: 2026-12-01T12:00:00Z", "2026-12-01T11:59:59Z", "2026-12-01T12:00:00Z"},
		{"from: 2026-12-01, until: 2026-12-01, time: 12:00-13:00", "2026-12-01T11:00:00Z", "2026-12-01T10:00:00Z 2026-12-02T11:30:00Z"},
	} {
		table := parse(t, "zone: Europe/Berlin\nrules: [{deny: {package: a, "+c.rule+"}}]", onlyDebian).Apply(carried, nil)
		for want, moments := range map[bool]string{false: c.denied, true: c.allowed} {
			for _, at := range strings.Fields(moments) {
				if got := table.Verdict(0, netip.Addr{}, utc(at)).Allowed; got != want {
					t.Errorf("%s at %s: allowed is %v", c.rule, at, got)
				}
			}
		}
	}
}

func TestClient(t *testing.T) {
	carried := []artifact.Item{deb(t, "a 1 amd64 s bookworm/main a")}
	for _, c := range []struct{ clients, denied, allowed string }{
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255 ::ffff:10.1.2.3", "9.255.255.255 11.0.0.0 ::10.1.2.3 2001:db8::1"},
		{"10.1.2.3", "10.1.2.3 ::ffff:10.1.2.3", "10.1.2.2 10.1.2.4"},
		{"'::ffff:10.0.0.0/104'", "10.1.2.3 ::ffff:10.1.2.3", "11.0.0.0"},
		{"'::ffff:10.1.2.3'", "10.1.2.3", "10.1.2.4"},
		{"'2001:db8::/32'", "2001:db8::1 2001:db8:ffff::", "2001:db9:: 10.1.2.3"},
		{"'fe80::/10'", "fe80::1 fe80::1%eth0", "::1"},
		{"[0.0.0.0/0]", "0.0.0.0 255.255.255.255", "::1 2001:db8::1"},
		{"['::/0']", ":: 2001:db8::1", "10.1.2.3 ::ffff:10.1.2.3"},
		{"[10.0.0.0/8, 10.1.0.0/16, 10.1.2.0/24, 192.0.2.7, 10.0.0.0/8]", "10.0.0.1 10.1.2.3 10.200.0.0 192.0.2.7", "192.0.2.6 192.0.2.8"},
		{"[192.0.2.128/25, 192.0.2.0/26, '::1']", "192.0.2.0 192.0.2.63 192.0.2.128 192.0.2.255 ::1", "192.0.2.64 192.0.2.127 ::"},
	} {
		table := parse(t, "rules: [{deny: {package: a, client: "+c.clients+"}}]", onlyDebian).Apply(carried, nil)
		for want, clients := range map[bool]string{false: c.denied, true: c.allowed} {
			for _, client := range strings.Fields(clients) {
				if got := table.Verdict(0, netip.MustParseAddr(client), monday).Allowed; got != want {
					t.Errorf("%s: %s: allowed is %v", c.clients, client, got)
				}
			}
		}
		if !table.Verdict(0, netip.Addr{}, monday).Allowed {
			t.Errorf("%s: a client without address is in it", c.clients)
		}
	}
}
