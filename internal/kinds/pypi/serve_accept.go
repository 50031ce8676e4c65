package pypi

import (
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// A format is how a page is written.
type format struct {
	contentType string
	json        bool
}

var (
	formatText = format{contentType: "text/html; charset=utf-8"} // of installers that know no other, and of browsers
	formatHTML = format{contentType: simple.TypeHTML}
	formatJSON = format{contentType: simple.TypeJSON, json: true}
)

// negotiate chooses the format that a client prefers, of those that it names: RFC 9110, section 12.5.1. JSON is only for clients that name it, since
// old ones that accept anything cannot read it.
func negotiate(accept []string) format {
	chosen, best := formatText, 0.0
	for _, part := range strings.Split(strings.ToLower(strings.Join(accept, ",")), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		var of format
		switch strings.TrimSpace(name) {
		case simple.TypeJSON, "application/vnd.pypi.simple.latest+json":
			of = formatJSON
		case simple.TypeHTML, "application/vnd.pypi.simple.latest+html":
			of = formatHTML
		case "text/html":
			of = formatText
		default:
			continue
		}
		if q := quality(parameters); q > best || q == best && q > 0 && of.json {
			chosen, best = of, q
		}
	}
	return chosen
}

// quality is the weight among the parameters of a type: 1 if there is none, and 0 if it cannot be read.
func quality(parameters string) float64 {
	for _, p := range strings.Split(parameters, ";") {
		if name, value, _ := strings.Cut(p, "="); strings.TrimSpace(name) == "q" {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
