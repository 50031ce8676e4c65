package files

import (
	"errors"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// RequestLists implements artifact.Lister. A folder without take is carried as a whole, so the key cannot come and go with an edit.
func (Kind) RequestLists() []artifact.RequestList {
	return []artifact.RequestList{{Key: "take"}, {Key: "charts"}}
}

// RequestName implements artifact.Lister: "ingress-nginx" for the chart "ingress-nginx@4.*", and a pattern of files as it is.
func (Kind) RequestName(request string) (name string, bare bool, err error) {
	switch at := strings.IndexByte(request, '@'); {
	case request == "":
		return "", false, errors.New("a request names a file or a chart")
	case at > 0:
		return request[:at], false, nil
	}
	return request, true, nil
}
