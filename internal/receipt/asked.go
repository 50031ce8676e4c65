package receipt

import (
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

// NewAsked is what an audit trail says was asked for and is missing. The report has the rows that are to be told.
func NewAsked(r *audit.Report) *Asked {
	a := &Asked{From: r.From, To: r.To, Total: r.Missing.Total, Items: make([]AskedItem, 0, len(r.Missing.Rows))}
	for _, m := range r.Missing.Rows {
		a.Items = append(a.Items, AskedItem{m.Kind, artifact.Asked{
			Name: m.Name, Version: m.Version, Architecture: m.Architecture, Path: m.Path, LookedUp: m.LookedUp, Requests: m.Requests, Clients: m.Clients,
		}})
	}
	return a
}
