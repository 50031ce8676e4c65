package pages

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/vulns"
)

// mostFindings is how many findings the page lists.
const mostFindings = 1000

// serveVulnerabilities shows which items have known vulnerabilities.
func (p *Pages) serveVulnerabilities(w http.ResponseWriter, r *http.Request) {
	report, err := p.Inventory.Vulnerabilities(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := struct {
		frame
		Report *vulns.Report
		Known  []string // with how old it is
		Listed []*vulns.Finding
		More   int
	}{frame: p.frame("Vulnerabilities", ""), Report: report}
	for i := range report.Knowledge {
		page.Known = append(page.Known, report.Knowledge[i].Text(time.Now()))
	}
	for i := range report.Findings {
		if f := &report.Findings[i]; f.Open() || f.Status == vulns.Undetermined {
			page.Listed = append(page.Listed, f)
		}
	}
	if page.More = len(page.Listed) - mostFindings; page.More > 0 {
		page.Listed = page.Listed[:mostFindings]
	}
	p.show(w, r, http.StatusOK, "vulnerabilities.html", page)
}
