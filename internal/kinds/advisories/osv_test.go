package advisories

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func osvOf(data string) (said []string, date string, err error) {
	newest, err := readOSV(strings.NewReader(data), int64(len(data)), strings.NewReader(data), all, func(a *artifact.Advisory) error {
		for _, s := range a.Statements {
			said = append(said, fmt.Sprintf("%s %v %s:%s %s %s %v %v", a.ID, a.Aliases, a.Ecosystem, s.Release, a.Name, s.Urgency, s.Ranges, s.Versions))
		}
		return nil
	})
	return said, newest.Format("2006-01-02"), err
}

func zipOf(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, text := range files {
		w, err := z.Create(fmt.Sprintf("%d.json", i))
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOSV(t *testing.T) {
	debian := `{"id": "DEBIAN-CVE-2024-1", "upstream": ["CVE-2024-1"], "modified": "2024-03-01T00:00:00Z", "details": "x",
		"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
		"affected": [{"package": {"ecosystem": "Debian:12", "name": "curl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1:2-3"}]}], "ecosystem_specific": {"urgency": "not yet assigned"}}]}`
	pypi := `{"id": "GHSA-1", "aliases": ["CVE-2024-2", "PYSEC-1"], "modified": "2024-02-01T00:00:00Z", "database_specific": {"severity": "MODERATE"},
		"affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]},
			{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"last_affected": "2.3"}]}], "versions": ["1.0"]}]}`
	withdrawn := strings.Replace(pypi, `"aliases"`, `"withdrawn": "2024-05-01T00:00:00Z", "aliases"`, 1)
	commits := `{"id": "X-1", "modified": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, {}]}`
	two := `{"id": "X-2", "aliases": ["CVE-2024-3", "CVE-2024-4"], "modified": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1"]}]}`
	all := zipOf(t, debian, pypi, withdrawn, commits, two)
	want := []string{
		"CVE-2024-1 [DEBIAN-CVE-2024-1] Debian:12 curl critical [{0 1:2-3 }] []",
		"CVE-2024-2 [GHSA-1 PYSEC-1] PyPI: jinja2 medium [{1.0 1.5 } {2.0  2.3}] [1.0]",
		"X-2 [CVE-2024-3 CVE-2024-4] npm: a unknown [] [1]",
	}
	for _, data := range []string{all, "[" + debian + "," + pypi + "," + two + "]", "\n " + debian + pypi + "\n" + two} {
		if got, date, err := osvOf(data); err != nil || date != "2024-03-01" || !slices.Equal(got, want) {
			t.Errorf("%.60q: %s, %q, %v", data, date, got, err)
		}
	}
	bomb := zipOf(t, "["+strings.Repeat(" ", maxRecord)+"]")
	for data, want := range map[string]string{
		"": "no advisory", "[]": "no advisory", "{}": "no id", "x": "invalid character", all[:len(all)/2]: "damaged", all[:4]: "damaged", debian[:80]: "cut off",
		"[" + debian: "cut off", zipOf(t): "no advisory", zipOf(t, "{}"): "0.json: it has no id", bomb: "a single advisory has more", `"a"`: "cannot unmarshal",
	} {
		if _, _, err := osvOf(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", data, err, want)
		}
	}
}

func TestScore(t *testing.T) {
	for vector, want := range map[string]artifact.Urgency{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":                    artifact.UrgencyCritical, // 9.8
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N":                    artifact.UrgencyHigh,     // 7.5
		"AV:N/AC:L/Au:N/C:N/I:N/A:P":                                      artifact.UrgencyMedium,   // 5.0
		"CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N":                    artifact.UrgencyLow,      // 2.2
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": artifact.UrgencyCritical, // 9.3
		"": artifact.UrgencyUnknown, "CVSS:3.1/": artifact.UrgencyUnknown, "high": artifact.UrgencyUnknown,
	} {
		if got := rating(score(vector)); got != want {
			t.Errorf("%q: %s, want %s", vector, got, want)
		}
	}
}
