package vulns

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openvex/go-vex/pkg/vex"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

var date = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// A thing is a kind whose items are advised by their name, if that is not "own"; versions are ordered as bytes.
type thing struct {
	artifact.Kind
	advisories []*artifact.Advisory
}

func (thing) Name() string { return "thing" }

func (thing) Advised(_ *artifact.Source, i *artifact.Item) (artifact.AdvisedSubject, string) {
	if i.Name == "own" {
		return artifact.AdvisedSubject{}, "things of your own"
	}
	return artifact.AdvisedSubject{Ecosystem: "Things", Releases: []string{"one", "1"}, Name: strings.TrimSuffix(i.Name, "-doc"), Version: i.Version}, ""
}

func (k thing) AdvisedOn(_ artifact.Pins, _ string, file []byte) (all []artifact.InstalledItem, err error) {
	for line := range strings.Lines(string(file)) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		s, why := k.Advised(nil, &artifact.Item{Name: name, Version: version})
		all = append(all, artifact.InstalledItem{Name: name, Version: version, Subject: s, Why: why})
	}
	return all, nil
}

func (thing) CompareAdvised(_, a, b string) int { return strings.Compare(a, b) }

func (thing) PackageURL(_ *artifact.Source, i *artifact.Item) string {
	return "pkg:generic/" + i.Name + "@" + i.Version
}

func (k thing) Advisories(_ context.Context, _ artifact.Pins, want func(string, string) bool, take func(string, *artifact.Advisory) error) error {
	for _, a := range k.advisories {
		if a.Ecosystem = "Things"; want(a.Ecosystem, a.Name) {
			if err := take("known", a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (thing) ReadAdvisories(context.Context, artifact.AdvisoryFile, func(string, string) bool, func(*artifact.Advisory) error) (artifact.AdvisorySummary, error) {
	return artifact.AdvisorySummary{}, errors.New("not read here")
}

// find compares items, NAME VERSION each, with advisories.
func find(t *testing.T, advisories []*artifact.Advisory, nodes []Node, items ...string) *Report {
	t.Helper()
	c := &catalog.Catalog{Name: "test", Date: date, Sources: []artifact.Source{{Kind: "thing", Name: "s", Releases: []artifact.Release{{Date: date.AddDate(0, 0, -29), URL: "https://example.org/data"}}}}}
	for _, item := range items {
		name, version, _ := strings.Cut(item, " ")
		c.Items = append(c.Items, artifact.Item{Kind: "thing", Source: "s", Name: name, Version: version, Key: name + " " + version})
	}
	r, err := Find(t.Context(), Request{Reference: "image", Digest: "sha256:1", Catalog: c, Kinds: []artifact.Kind{thing{advisories: advisories}}, Nodes: nodes,
		Open: func(string) (io.ReadCloser, error) { return nil, errors.New("not opened here") }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func about(name, id string, statements ...artifact.AdvisoryStatement) *artifact.Advisory {
	return &artifact.Advisory{ID: id, Name: name, Summary: "what it is", Statements: statements}
}

func TestMatch(t *testing.T) {
	type s = artifact.AdvisoryStatement
	sid := s{Release: "next", Status: artifact.AdvisoryFixed, Fixed: "4", Later: true}
	ranges := s{Release: "1", Status: artifact.AdvisoryRanges, Ranges: []artifact.AdvisoryRange{{Introduced: "2", Fixed: "3"}, {Introduced: "5", Last: "6"}, {Introduced: "8"}}, Versions: []string{"7"}}
	for name, test := range map[string]struct {
		version    string
		statements []s
		want       string // status and fixed version; empty: no finding
	}{
		"open":                        {"3", []s{{Release: "one", Status: artifact.AdvisoryOpen}}, "affected "},
		"open elsewhere":              {"3", []s{{Release: "two", Status: artifact.AdvisoryOpen}}, ""},
		"open everywhere":             {"3", []s{{Status: artifact.AdvisoryOpen}}, "affected "},
		"fixed":                       {"3", []s{{Release: "one", Status: artifact.AdvisoryFixed, Fixed: "3"}}, "fixed 3"},
		"fixed later":                 {"3", []s{{Release: "one", Status: artifact.AdvisoryFixed, Fixed: "3a"}}, "affected 3a"},
		"never":                       {"3", []s{{Release: "one", Status: artifact.AdvisoryNotAffected}}, "not-affected "},
		"undetermined":                {"3", []s{{Release: "one", Status: artifact.AdvisoryUndetermined}}, "undetermined "},
		"a status that is not known":  {"3", []s{{Release: "one", Status: "?"}}, "undetermined "},
		"open, fixed in the next":     {"4", []s{{Release: "one", Status: artifact.AdvisoryOpen}, sid}, "fixed 4"},
		"open, not yet in the next":   {"3", []s{{Release: "one", Status: artifact.AdvisoryOpen}, sid}, "affected "},
		"only the next":               {"3", []s{sid}, ""},
		"the worst counts":            {"3", []s{{Status: artifact.AdvisoryFixed, Fixed: "1"}, {Status: artifact.AdvisoryOpen}, {Status: artifact.AdvisoryNotAffected}}, "affected "},
		"before all ranges":           {"1", []s{ranges}, "not-affected "},
		"where a range begins":        {"2", []s{ranges}, "affected 3"},
		"where a range ends":          {"3", []s{ranges}, "fixed 3"},
		"the last of a range":         {"6", []s{ranges}, "affected "},
		"behind the last":             {"6a", []s{ranges}, "fixed "},
		"a version by itself":         {"7", []s{ranges}, "affected "},
		"a range without an end":      {"9", []s{ranges}, "affected "},
		"versions alone":              {"1", []s{{Status: artifact.AdvisoryRanges, Versions: []string{"1"}}}, "affected "},
		"versions alone, another one": {"2", []s{{Status: artifact.AdvisoryRanges, Versions: []string{"1"}}}, "not-affected "},
		"from the first":              {"1", []s{{Status: artifact.AdvisoryRanges, Ranges: []artifact.AdvisoryRange{{Introduced: "0", Fixed: "2"}}}}, "affected 2"},
	} {
		got := ""
		for _, f := range find(t, []*artifact.Advisory{about("a", "CVE-1", test.statements...), about("b", "CVE-1", s{Status: artifact.AdvisoryOpen})}, nil, "a "+test.version).Findings {
			got += f.Status + " " + f.Fixed
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// samples are findings of every status and urgency.
func samples(t *testing.T) *Report {
	t.Helper()
	urgent := func(u artifact.Urgency, fixed string) artifact.AdvisoryStatement {
		if fixed == "" {
			return artifact.AdvisoryStatement{Status: artifact.AdvisoryOpen, Urgency: u}
		}
		return artifact.AdvisoryStatement{Status: artifact.AdvisoryFixed, Fixed: fixed, Urgency: u}
	}
	all := []*artifact.Advisory{
		about("a", "CVE-4", urgent(artifact.UrgencyUnimportant, "")), about("a", "CVE-3", urgent("", "")), about("a", "CVE-2", urgent(artifact.UrgencyHigh, "9")),
		about("a", "CVE-1", urgent(artifact.UrgencyCritical, "")), about("a", "CVE-5", urgent(artifact.UrgencyEndOfLife, "")), about("a", "CVE-6", urgent(artifact.UrgencyLow, "1")),
		about("a", "CVE-7", artifact.AdvisoryStatement{Status: artifact.AdvisoryNotAffected}), about("a", "CVE-8", artifact.AdvisoryStatement{Status: artifact.AdvisoryUndetermined}),
		about("a", "CVE-9", artifact.AdvisoryStatement{Status: artifact.AdvisoryOpen, Urgency: artifact.UrgencyLow, Deferred: "ignored", Note: "minor"}),
	}
	all[0].Aliases = []string{"GHSA-1"}
	return find(t, all, nil, "a 3", "a-doc 3", "own 1", "a 4")
}

func TestThreshold(t *testing.T) {
	r := samples(t)
	for words, want := range map[string]int{
		"": 0, "critical": 2, "high": 4, "medium": 4, "low": 6, "unknown": 2, "end-of-life": 2, "high,unknown": 6, "any": 12, "fixable": 2, "fixable,critical": 0, "high,critical": 4, "unknown,fixable": 0,
		"undetermined": 2, "critical,undetermined": 4, "undetermined,fixable": 4,
	} {
		threshold, err := ParseThreshold(strings.FieldsFunc(words, func(r rune) bool { return r == ',' }))
		if got := len(threshold.Exceeded(r)); err != nil || got != want {
			t.Errorf("%s: %d findings, %v, want %d", words, got, err, want)
		}
	}
	if _, err := ParseThreshold([]string{"dire"}); !errors.Is(err, artifact.ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestFilter(t *testing.T) {
	r := samples(t)
	for want, filter := range map[string]Filter{
		"CVE-1 CVE-2 CVE-3 CVE-5 CVE-8 CVE-9": {},
		"CVE-1 CVE-2":                         {Matching: &Threshold{least: artifact.UrgencyHigh}},
		"CVE-4":                               {Text: "ghsa", Statuses: []string{Affected}},
		"CVE-7 CVE-8":                         {Statuses: []string{NotAffected, Undetermined}},
		"CVE-2 ":                              {Text: "cve-2"},
		"":                                    {Text: "b"},
		"CVE-1":                               {Text: "A-DOC", Matching: &Threshold{least: artifact.UrgencyCritical}, Statuses: []string{Affected}},
		" ":                                   {Matching: &Threshold{any: true}, Statuses: []string{Fixed}},
	} {
		ids := make(map[string]bool)
		for _, f := range filter.Select(r) {
			ids[f.ID] = true
		}
		if got := strings.Join(slices.Sorted(maps.Keys(ids)), " "); got != strings.TrimSpace(want) {
			t.Errorf("%+v: %s, want %s", filter, got, want)
		}
	}
	if _, err := ParseStatuses([]string{Affected, "open"}); !errors.Is(err, artifact.ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestText(t *testing.T) {
	for days, want := range map[int]string{0: "29 days old", -29: "less than a day old", -31: "which is in the future", -28: "1 day old"} {
		var b strings.Builder
		if err := samples(t).Text(&b, date.AddDate(0, 0, days), false); err != nil || !strings.Contains(b.String(), want+" (https://example.org/data)") && !strings.Contains(b.String(), want) {
			t.Errorf("%d days later: %s, %v", days, b.String(), err)
		}
	}
	var b strings.Builder
	if err := samples(t).Text(&b, date, false); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"critical     CVE-1            a 3: not fixed yet", "high         CVE-2            a 3: fixed in 9, which the image does not have", "             in a, a-doc",
		"low          CVE-9            a 3: not fixed yet; no update for this alone (ignored: minor)", "undetermined CVE-8            a 3: not known whether it is affected",
		"no advisories speak of things of your own: own",
		"10 affected (2 critical, 2 high, 2 unknown, 2 end-of-life, 2 low), 2 of them fixed in a later version; 2 unimportant; 2 undetermined; 2 fixed; 2 not affected",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("no line %q in:\n%s", line, b.String())
		}
	}
	if strings.Contains(b.String(), "CVE-4") || strings.Contains(b.String(), "CVE-6") {
		t.Errorf("what needs nothing is listed:\n%s", b.String())
	}
}

// Nodes are checked instead of the image, which may have what fixes it.
func TestNodes(t *testing.T) {
	advisory := about("a", "CVE-1", artifact.AdvisoryStatement{Status: artifact.AdvisoryFixed, Fixed: "3"})
	r := find(t, []*artifact.Advisory{advisory}, []Node{{Name: "n/1.status", Data: []byte("a 2\nown 1\n")}, {Name: "n/2.status", Data: []byte("a 2\na 3\n")}}, "a 3")
	if len(r.Findings) != 2 || r.Items != 4 || len(r.Unknown) != 1 {
		t.Fatalf("%+v", r)
	}
	f := r.Findings[0]
	if f.Status != Affected || !f.Carried || strings.Join(f.names(), ";") != "a on 1.status, 2.status" || f.Advice() != "fixed in 3, which the image has" {
		t.Errorf("%+v: %s", f, f.Advice())
	}
}

// A release of which no advisory speaks is named: nothing found does not mean nothing known.
func TestSilent(t *testing.T) {
	r := find(t, []*artifact.Advisory{about("a", "CVE-1", artifact.AdvisoryStatement{Release: "two", Status: artifact.AdvisoryOpen})}, nil, "a 1")
	if len(r.Silent) != 1 || r.Silent[0] != "Things one" {
		t.Errorf("%q", r.Silent)
	}
	if r := samples(t); len(r.Silent) != 0 {
		t.Errorf("%q", r.Silent)
	}
}

// The formats are valid by the libraries of those who defined them, and the same for the same knowledge.
func TestFormats(t *testing.T) {
	r := samples(t)
	var a, b bytes.Buffer
	if err := errors.Join(r.OpenVEX(&a), samples(t).OpenVEX(&b)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("two documents differ: %v", err)
	}
	doc, err := vex.Parse(a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[vex.Status]int)
	for i := range doc.Statements {
		if err := doc.Statements[i].Validate(); err != nil {
			t.Errorf("%s: %v", doc.Statements[i].Vulnerability.Name, err)
		}
		count[doc.Statements[i].Status]++
	}
	if count[vex.StatusAffected] != 12 || count[vex.StatusFixed] != 2 || count[vex.StatusNotAffected] != 2 || count[vex.StatusUnderInvestigation] != 2 || !doc.Timestamp.Equal(date) {
		t.Errorf("%v of %s", count, doc.Timestamp)
	}
	if len(doc.Matches("CVE-1", "pkg:generic/a-doc@3", nil)) != 1 {
		t.Error("the document does not speak of a-doc")
	}

	a.Reset()
	if err := r.SARIF(&a, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	log, err := sarif.FromBytes(a.Bytes())
	if err == nil {
		err = log.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	if results := log.Runs[0].Results; len(results) != 14 || len(log.Runs[0].Tool.Driver.Rules) != 7 || results[0].Level != "error" || *results[0].RuleID != "CVE-1" {
		t.Errorf("%d results, %d rules", len(results), len(log.Runs[0].Tool.Driver.Rules))
	}
}

// Damaged advisories of an image are found before they are read.
func TestOpenVerifies(t *testing.T) {
	c := &catalog.Catalog{Sources: []artifact.Source{{Kind: "thing", Name: "s", Releases: []artifact.Release{{Proofs: []artifact.Proof{{Path: "p", Size: 1, SHA256: strings.Repeat("0", 64)}}}}}}}
	req := &Request{Catalog: c, Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }}
	if _, err := req.open("upstream/s/p"); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("%v", err)
	}
	if _, err := req.open("upstream/s/other"); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("%v", err)
	}
}
