package pages

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/vulns"
	"github.com/minimirror/minimirror/server/inventory"
)

// mostFindings is how many findings the page lists.
const mostFindings = 1000

// serveVulnerabilities shows which items have known vulnerabilities. Its parameters are those of the API.
func (p *Pages) serveVulnerabilities(w http.ResponseWriter, r *http.Request) {
	q, wrong := inventory.ReadVulnerabilityQuery(r)
	if wrong != nil {
		p.fail(w, r, http.StatusBadRequest, wrong.Error())
		return
	}
	q.Offset, q.Limit = 0, mostFindings
	report, listed, count, err := p.Inventory.FindVulnerabilities(r.Context(), q)
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

		Text, Match string   // what was asked for
		Words       []string // that Match may be
	}{frame: p.frame("Vulnerabilities", ""), Report: report, Listed: listed, More: count - len(listed),
		Text: q.Text, Match: r.URL.Query().Get("match"), Words: vulns.ThresholdWords}
	for i := range report.Knowledge {
		page.Known = append(page.Known, report.Knowledge[i].Text(time.Now()))
	}
	p.show(w, r, http.StatusOK, "vulnerabilities.html", page)
}
