package audit_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

func reads(minute, by int, channel string) *audit.Record {
	return &audit.Record{Time: at(minute), Client: client(by), Verdict: audit.Metadata, Status: 200, Kind: "made-up", Path: "/" + channel + "/news", Channel: channel}
}

var channels = []artifact.Channel{
	{Kind: "made-up", Source: "main", Name: "stable"}, {Kind: "made-up", Source: "main", Name: "stable-security"},
	{Kind: "made-up", Source: "next", Name: "testing", System: "13"}, {Kind: "other", Source: "charts", Name: "all"},
}

// Clients lack what they do not read of a system that they read, and nothing else.
func TestChannels(t *testing.T) {
	s := audit.NewSummary()
	for _, r := range []*audit.Record{
		reads(1, 1, "main/stable"), reads(2, 1, "main/stable-security"), reads(3, 1, "main/stable"), // all of its system
		reads(4, 2, "main/stable"),  // old
		reads(5, 3, "next/testing"), // another system
		reads(6, 4, "main/gone"),    // what the image no longer has
		missed(7, 5, "thing"),       // not a reader
		reads(8, 6, "main/stable-security"), reads(9, 6, "charts/all"),
	} {
		s.Add(r)
	}
	r := s.Report(audit.ReportOptions{Carried: carried(), Channels: channels})
	var got []string
	for _, c := range r.Channels.Rows {
		got = append(got, fmt.Sprintf("%s/%s %d %d", c.Source, c.Name, c.Reading, c.Lacking))
	}
	if want := []string{"main/stable 2 1", "main/stable-security 2 1", "next/testing 1 0", "charts/all 1 0"}; !slices.Equal(got, want) {
		t.Errorf("channels %q, want %q", got, want)
	}
	if c := r.Channels.Clients; c.Total != 2 || c.Rows[0].Address != client(6) || !slices.Equal(c.Rows[0].Lacks, []string{"main/stable"}) ||
		!slices.Equal(c.Rows[0].Reads, []string{"main/stable-security", "charts/all"}) || c.Rows[1].Address != client(2) || !c.Rows[1].Last.Equal(at(4)) {
		t.Errorf("clients %+v", c)
	}
	var text bytes.Buffer
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "2        1        main/stable-security\n") ||
		!strings.Contains(text.String(), client(2).String()+"  main/stable-security  main/stable\n") {
		t.Errorf("%v\n%s", err, &text)
	}
	if r := s.Report(audit.ReportOptions{Rows: 1, Carried: carried(), Channels: channels}); len(r.Channels.Clients.Rows) != 1 || r.Channels.Clients.Total != 2 {
		t.Errorf("one row: %+v", r.Channels.Clients)
	}
	if r := s.Report(audit.ReportOptions{}); r.Channels != nil {
		t.Errorf("what the image has is not known: %+v", r.Channels)
	}
}

// A log with more channels than any mirror has, by more clients than are counted, keeps to the memory, and tells of nobody what is not known.
func TestChannelsAreBounded(t *testing.T) {
	before := heap()
	s := audit.NewSummary()
	for i := range 12_000 {
		s.Add(reads(i, i, "main/stable"))
		for j := range 8 {
			s.Add(reads(i, i, strings.Repeat("x", 180)+fmt.Sprint(i*8+j)))
		}
	}
	if size := heap() - before; size > 10e6 {
		t.Errorf("%d bytes", size)
	}
	r := s.Report(audit.ReportOptions{Carried: carried(), Channels: channels}).Channels
	for _, c := range r.Clients.Rows {
		if slices.Contains(c.Lacks, "main/stable") {
			t.Fatalf("%+v", c)
		}
	}
	if r.Rows[0].Reading == 0 || r.Rows[0].Lacking != 0 || r.Clients.Unlisted == 0 {
		t.Errorf("%+v", r.Rows)
	}
}
