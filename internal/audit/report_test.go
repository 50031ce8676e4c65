package audit_test

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

// at is a time of the tests, so many minutes after their beginning.
func at(minute int) time.Time {
	return time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

func client(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// fetched, missed and denied are records of requests.
func fetched(minute, by int, name string, size int64) *audit.Record {
	return &audit.Record{Time: at(minute), Client: client(by), Verdict: audit.Allowed, Status: 200, Kind: "made-up", Bytes: size,
		Artifact: "main/pool/" + name + ".pkg", Path: "/main/pool/" + name + ".pkg", Name: name, Version: "1", Architecture: "amd64"}
}

func missed(minute, by int, name string) *audit.Record {
	return &audit.Record{Time: at(minute), Client: client(by), Verdict: audit.Missing, Status: 404, Kind: "made-up",
		Path: "/main/pool/" + name + ".pkg", Name: name, Version: "2", Architecture: "amd64"}
}

func missedPath(minute, by int, path string) *audit.Record {
	return &audit.Record{Time: at(minute), Client: client(by), Verdict: audit.Missing, Status: 404, Path: path}
}

func denied(minute, by int, name string) *audit.Record {
	r := fetched(minute, by, name, 0)
	r.Verdict, r.Status, r.Rule, r.Reason = audit.Denied, 403, "rules.yaml:3", "policy 4.2"
	return r
}

func carried(names ...string) iter.Seq[*artifact.Item] {
	return func(yield func(*artifact.Item) bool) {
		for i, name := range names {
			a := artifact.Item{Kind: "made-up", Source: "main", Name: name, Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"amd64"}}}, Files: []artifact.File{{Path: "pool/" + name + ".pkg", Size: int64(1000 * (i + 1))}}}
			if !yield(&a) {
				return
			}
		}
	}
}

// site is a small history.
func site() *audit.Summary {
	s := audit.NewSummary()
	for _, r := range []*audit.Record{
		{Time: at(0), Client: client(1), Verdict: audit.Metadata, Status: 200, Kind: "made-up", Path: "/main/index", Bytes: 500},
		fetched(1, 1, "bash", 1000), fetched(2, 2, "bash", 1000), fetched(5, 1, "bash", 10), fetched(3, 1, "tar", 2000),
		missed(4, 1, "jq"), missed(5, 2, "jq"), missed(6, 1, "yq"), missed(7, 1, "yq"), missed(8, 1, "yq"), missedPath(9, 3, "/favicon.ico"),
		denied(10, 2, "telnet"), denied(11, 2, "telnet"), denied(12, 3, "telnet"),
		{Time: at(13), Client: client(4), User: "eve", Verdict: audit.Refused, Status: 401, Path: "/main/index"},
		{Time: at(14), Verdict: audit.Failed, Status: 500, Kind: "made-up", Path: "/main/index"},
		{Time: at(99), Verdict: "unheard of"},
	} {
		s.Add(r)
	}
	return s
}

func TestReport(t *testing.T) {
	r := site().Report(audit.ReportOptions{Carried: carried("bash", "tar", "vim", "emacs", "yq")})
	if !r.From.Equal(at(0)) || !r.To.Equal(at(14)) || r.Requests != 16 || r.Bytes != 4510 {
		t.Errorf("from %s to %s, %d requests, %d bytes", r.From, r.To, r.Requests, r.Bytes)
	}
	var rows []string
	add := func(format string, args ...any) { rows = append(rows, fmt.Sprintf(format, args...)) }
	for _, v := range r.Verdicts {
		add("%s %d %d", v.Verdict, v.Requests, v.Bytes)
	}
	for _, k := range r.Kinds {
		add("kind %q %d %d", k.Kind, k.Requests, k.Bytes)
	}
	for _, m := range r.Missing.Rows {
		add("missing %s %q %d by %d %v, %s–%s", m.Path, m.Name, m.Requests, m.Clients, m.Addresses, m.First.Format("4"), m.Last.Format("4"))
	}
	for _, d := range r.Denied.Rows {
		add("denied %s by %s for %s: %d by %d", d.Artifact, d.Rule, d.Reason, d.Requests, d.Clients)
	}
	for _, c := range r.Clients.Rows {
		add("client %s %v: %d, %d bytes, %d/%d/%d", c.Address, c.Users, c.Requests, c.Bytes, c.Allowed, c.Denied, c.Missing)
	}
	for _, a := range r.Fetched.Rows {
		add("fetched %s %s %d, %d bytes by %d", a.Artifact, a.Version, a.Requests, a.Bytes, a.Clients)
	}
	for _, n := range r.Never.Rows {
		add("never %s %d", n.Artifact, n.Size)
	}
	add("never %d %d", r.Never.Total, r.Never.Bytes)
	want := []string{
		"allowed 4 4010", "denied 3 0", "missing 6 0", "metadata 1 500", "refused 1 0", "failed 1 0",
		`kind "" 2 0`, `kind "made-up" 14 4510`,
		`missing /main/pool/jq.pkg "jq" 2 by 2 [10.0.0.1 10.0.0.2], 4–5`, // yq is carried by now
		`missing /favicon.ico "" 1 by 1 [10.0.0.3], 9–9`,
		"denied main/pool/telnet.pkg by rules.yaml:3 for policy 4.2: 3 by 2",
		"client 10.0.0.1 []: 8, 3510 bytes, 3/0/4", "client 10.0.0.2 []: 4, 1000 bytes, 1/2/1", "client 10.0.0.3 []: 2, 0 bytes, 0/1/1",
		"client invalid IP []: 1, 0 bytes, 0/0/0", "client 10.0.0.4 [eve]: 1, 0 bytes, 0/0/0",
		"fetched main/pool/bash.pkg 1 3, 2010 bytes by 2", "fetched main/pool/tar.pkg 1 1, 2000 bytes by 1",
		"never main/pool/yq.pkg 5000", "never main/pool/emacs.pkg 4000", "never main/pool/vim.pkg 3000", "never 3 12000",
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%q\nwant\n%q", rows, want)
	}
}

func TestReportIsCut(t *testing.T) {
	r := site().Report(audit.ReportOptions{Rows: 1, Addresses: 1, Carried: carried("vim", "emacs")})
	if r.Missing.Total != 3 || len(r.Missing.Rows) != 1 || r.Missing.Rows[0].Clients != 2 || len(r.Missing.Rows[0].Addresses) != 1 ||
		r.Clients.Total != 5 || len(r.Clients.Rows) != 1 || r.Never.Total != 2 || len(r.Never.Rows) != 1 {
		t.Errorf("%+v", r)
	}
}

const siteText = `16 requests from 2026-11-21 08:00 to 2026-11-21 08:14 UTC, 0.1 MB sent

VERDICT   REQUESTS  BYTES
allowed   4         0.1 MB
denied    3         0 MB
missing   6         0 MB
metadata  1         0.1 MB
refused   1         0 MB
failed    1         0 MB

KIND     REQUESTS  BYTES
-        2         0 MB
made-up  14        0.1 MB

Missing, for the next build: 3
CLIENTS  REQUESTS  LAST              WHAT          BY
2        2         2026-11-21 08:05  jq 2 amd64    10.0.0.1 10.0.0.2
1        3         2026-11-21 08:08  yq 2 amd64    10.0.0.1
1        1         2026-11-21 08:09  /favicon.ico  10.0.0.3

Denied: 1
REQUESTS  CLIENTS  LAST              WHAT            RULE          REASON      BY
3         2        2026-11-21 08:12  telnet 1 amd64  rules.yaml:3  policy 4.2  10.0.0.2 10.0.0.3

Clients: 5
REQUESTS  FETCHED  DENIED  MISSING  BYTES   LAST              CLIENT
8         3        0       4        0.1 MB  2026-11-21 08:08  10.0.0.1
4         1        2       1        0.1 MB  2026-11-21 08:11  10.0.0.2
2         0        1       1        0 MB    2026-11-21 08:12  10.0.0.3
… and 2 more

Fetched: 2
REQUESTS  WHOLE  CLIENTS  FIRST             LAST              BYTES   WHAT          BY
3         3      2        2026-11-21 08:01  2026-11-21 08:05  0.1 MB  bash 1 amd64  10.0.0.1 10.0.0.2
1         1      1        2026-11-21 08:03  2026-11-21 08:03  0.1 MB  tar 1 amd64   10.0.0.1

Carried and never fetched: 1, 0.1 MB
BYTES   WHAT
0.1 MB  vim 1 amd64
`

func TestText(t *testing.T) {
	var out strings.Builder
	must(t, site().Report(audit.ReportOptions{Carried: carried("bash", "tar", "vim"), Rows: 3}).Text(&out))
	if out.String() != siteText {
		t.Errorf("got\n%swant\n%s", &out, siteText)
	}
	out.Reset()
	must(t, audit.NewSummary().Report(audit.ReportOptions{}).Text(&out))
	if !strings.HasPrefix(out.String(), "no requests\n") {
		t.Errorf("of nothing: %s", &out)
	}
}

func TestTextIsHarmless(t *testing.T) {
	s := audit.NewSummary()
	for _, c := range hostile {
		for _, v := range audit.Verdicts {
			r := full(c.text)
			r.Time, r.Verdict = at(0), v
			s.Add(r)
			r.Name = ""
			s.Add(r)
		}
	}
	var out strings.Builder
	must(t, s.Report(audit.ReportOptions{}).Text(&out))
	for i, line := range strings.Split(out.String(), "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("line %d: %q", i+1, line)
		}
	}
}

// What broke off is no download of the whole; its parts together are.
func TestPartsOfDownloads(t *testing.T) {
	carried := func(yield func(*artifact.Item) bool) {
		yield(&artifact.Item{Source: "main", Files: []artifact.File{{Path: "pool/bash.pkg", Size: 1000}}})
	}
	s := audit.NewSummary()
	for i, part := range []int64{400, 600} {
		r := fetched(i, 1, "bash", part)
		r.Size = 1000
		s.Add(r)
		report := s.Report(audit.ReportOptions{Carried: carried})
		if whole := report.Fetched.Rows[0].Whole; whole != 0 || report.Never.Total != 1-i {
			t.Errorf("after part %d: %d whole, %d never", i+1, whole, report.Never.Total)
		}
	}
	r := fetched(2, 1, "bash", 1000)
	r.Size = 1000
	s.Add(r)
	if whole := s.Report(audit.ReportOptions{}).Fetched.Rows[0].Whole; whole != 1 {
		t.Errorf("%d whole", whole)
	}
}

// What is missing by its name is left out when an image carries it by now, at whatever address.
func TestMissingByName(t *testing.T) {
	s := audit.NewSummary()
	miss := func(name, version, architecture string) {
		s.Add(&audit.Record{Time: at(0), Client: client(1), Verdict: audit.Missing, Status: 404, Kind: "made-up", Path: "/x/" + name + "/" + version, Name: name, Version: version, Architecture: architecture})
	}
	miss("main/one", "1", "")  // its source is known
	miss("two", "1", "amd64")  // its architecture is
	miss("three", "1", "")     // neither is
	miss("other/one", "1", "") // another source has it
	miss("main/one", "2", "")  // in another version
	miss("two", "1", "arm64")  // for another architecture
	miss("main/one", "", "")   // the version is not known: it may be any
	r := s.Report(audit.ReportOptions{Carried: carried("one", "two", "three")})
	var got []string
	for _, m := range r.Missing.Rows {
		got = append(got, m.Name+" "+m.Version+" "+m.Architecture)
	}
	slices.Sort(got)
	if want := []string{"main/one  ", "main/one 2 ", "other/one 1 ", "two 1 arm64"}; !slices.Equal(got, want) {
		t.Errorf("missing: %q, want %q", got, want)
	}
}
