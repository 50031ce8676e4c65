package pypi

import (
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// RequestLists implements artifact.Lister. A source may name files instead of requirements.
func (Kind) RequestLists() []artifact.RequestList {
	return []artifact.RequestList{{Key: "requirements", Optional: true}}
}

// RequestName implements artifact.Lister: "flask" for "Flask[async]>=2".
func (Kind) RequestName(request string) (name string, bare bool, err error) {
	r, err := pep508.ParseRequirement(request)
	return pep508.NormalizeName(r.Name), r.Name == strings.TrimSpace(request), err
}
