package pages

import (
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/inventory"
)

// serveRules shows the rules in force.
func (p *Pages) serveRules(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "rules.html", struct {
		frame
		inventory.RulesState
	}{p.frame("Rules", ""), p.Inventory.Rules()})
}

// serveActivity shows what clients have asked for.
func (p *Pages) serveActivity(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "activity.html", struct {
		frame
		Since  string
		Report *audit.Report
	}{p.frame("Activity", ""), p.Inventory.Started.UTC().Format(time.RFC3339), p.Inventory.Report(perPage)})
}
