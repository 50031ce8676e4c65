package api

import (
	"net/http"

	"github.com/minimirror/minimirror/internal/vulns"
	"github.com/minimirror/minimirror/server/inventory"
)

// serveVulnerabilities answers with what the image's advisories say of what it carries.
func (a *API) serveVulnerabilities(w http.ResponseWriter, r *http.Request) {
	q, err := inventory.ReadVulnerabilityQuery(r)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	report, found, count, err := a.inventory.FindVulnerabilities(r.Context(), q)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	known, unknown, silent := report.Knowledge, report.Unknown, report.Silent
	if known == nil {
		known = []vulns.Knowledge{}
	}
	if unknown == nil {
		unknown = []vulns.Unknown{}
	}
	if silent == nil {
		silent = []string{}
	}
	a.answer(w, r, struct {
		Knowledge []vulns.Knowledge `json:"knowledge"`
		Items     int               `json:"items"`
		Compared  int               `json:"compared"`
		Unknown   []vulns.Unknown   `json:"unknown"`
		Silent    []string          `json:"silent"`
		Count     int               `json:"count"`
		Findings  []*vulns.Finding  `json:"findings"`
	}{known, report.Items, report.Compared, unknown, silent, count, found})
}
