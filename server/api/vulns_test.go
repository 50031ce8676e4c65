package api_test

import (
	"testing"

	"github.com/minimirror/minimirror/server/servertest"
)

// An image without advisories says so; test/e2e/87-api.sh and 83-vulns.sh have images with some.
func TestAPIVulnerabilities(t *testing.T) {
	const path = "/api/v1/vulnerabilities"
	h := servertest.NewWordy(t, "").Handler()
	d := readDescription(t, h)
	type answer struct {
		Knowledge, Unknown, Findings []any
		Count                        int
	}
	for _, query := range []string{"", "?match=high,fixable&status=affected,fixed&q=x&offset=1&limit=1000", "?match=undetermined", "?status=,"} {
		if got := call[answer](t, h, d, path, path+query, 200); got.Knowledge == nil || len(got.Knowledge) > 0 || got.Findings == nil || got.Count != 0 {
			t.Errorf("%s: %+v", query, got)
		}
	}
	for _, query := range []string{"?match=dire", "?status=open", "?limit=1001", "?offset=-1", "?q=%00", "?q=%zz"} {
		call[struct{}](t, h, d, path, path+query, 400)
	}
}
