package debian

import (
	_ "embed"
	"net/url"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

//go:embed renew.sh
var renewScript string

// renewal makes the script that renews a client's file of sources. The mirror as the client sees it is for one system, or for all.
func renewal(m artifact.Mirror, base string) artifact.Renewal {
	address := sourcesAddress(m, base)
	return artifact.Renewal{Name: "sources", Script: []byte(strings.NewReplacer("@MIRROR@", base, "@ADDRESS@", address, "@FILE@", "/"+clientFile).Replace(renewScript))}
}

// sourcesAddress is where a client of the mirror, which is for one system or for all, finds its file of sources.
func sourcesAddress(m artifact.Mirror, base string) string {
	if system := m.Sources[0].System; system != "" {
		return base + SourcesPath + "?codename=" + url.QueryEscape(system)
	}
	return base + SourcesPath
}
