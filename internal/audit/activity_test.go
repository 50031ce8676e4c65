package audit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// An item's activity is what the report says of it, with all clients, whatever rules denied it.
func TestActivities(t *testing.T) {
	s, start := NewSummary(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	add := func(minute int, client, artifact string, verdict Verdict, rule string, bytes int64) {
		s.Add(&Record{Time: start.Add(time.Duration(minute) * time.Minute), Client: netip.MustParseAddr(client), Artifact: artifact, Name: artifact,
			Verdict: verdict, Rule: rule, Bytes: bytes, Size: 100})
	}
	for i := range 30 {
		add(i, fmt.Sprintf("10.0.0.%d", i%25), "s/a", Allowed, "", 100)
	}
	add(31, "10.0.0.1", "s/a", Allowed, "", 40)
	add(1, "10.0.0.1", "s/b", Denied, "one", 10)
	add(2, "10.0.0.2", "s/b", Denied, "two", 10)
	add(3, "10.0.0.1", "s/b", Denied, "two", 10)
	add(4, "10.0.0.9", "s/other", Denied, "two", 10)
	all := s.Activities([]string{"s/b", "s/a", "s/none"})
	if a := all[1]; a.Denied != nil || a.Fetched == nil || a.Fetched.Requests != 31 || a.Fetched.Bytes != 3040 || a.Fetched.Whole != 30 || a.Fetched.Clients != 25 ||
		len(a.Fetched.Addresses) != 25 || !a.Fetched.First.Equal(start) || !a.Fetched.Last.Equal(start.Add(31*time.Minute)) {
		t.Errorf("fetched: %+v", a.Fetched)
	}
	if d := all[0].Denied; all[0].Fetched != nil || d == nil || d.Requests != 3 || d.Clients != 2 || fmt.Sprint(d.Addresses) != "[10.0.0.1 10.0.0.2]" ||
		!d.First.Equal(start.Add(time.Minute)) || !d.Last.Equal(start.Add(3*time.Minute)) {
		t.Errorf("denied: %+v", d)
	}
	if all[2].Fetched != nil || all[2].Denied != nil || all[2].Uncertain {
		t.Errorf("never asked for: %+v", all[2])
	}
	hidden := all[1].Anonymous()
	if len(hidden.Fetched.Addresses) != 0 || hidden.Fetched.Clients != 25 || len(all[1].Fetched.Addresses) != 25 {
		t.Errorf("without addresses: %+v", hidden.Fetched)
	}
	for i := range 40_000 { // more items than there is memory for
		add(5, "10.0.0.1", fmt.Sprintf("s/many%d", i), Allowed, "", 1)
	}
	if a := s.Activities([]string{"s/none", "s/a"}); !a[0].Uncertain || a[1].Uncertain || a[1].Fetched == nil {
		t.Errorf("no memory: %+v", a)
	}
}
