package debian

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/aptconf"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/resolver"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// exampleRequest is what a draft carries if nobody says what; Debian and Ubuntu have it in main.
const exampleRequest = "curl"

// Draft implements artifact.Drafter: it lists this machine's own sources, with copies of their keyrings.
func (Kind) Draft(ctx context.Context, wanted artifact.DraftRequest) (artifact.Draft, error) {
	for _, text := range wanted.Requests {
		if _, err := resolver.ParseRequest(text); err != nil {
			return artifact.Draft{}, err
		}
	}
	nodes, err := nodeArchitectures(wanted.Nodes)
	if err != nil {
		return artifact.Draft{}, err
	}
	listed, leftOut, proxied, err := aptconf.List(ctx, wanted.Log)
	if err != nil {
		return artifact.Draft{}, err
	}
	d := &draft{names: make(map[string]bool)}
	for _, reason := range leftOut {
		d.Notes = append(d.Notes, "left out: "+reason)
	}
	if proxied {
		d.Notes = append(d.Notes, `apt's own proxies and certificates count only for "sources: host": for these sources, set http_proxy and https_proxy, or --ca and --client-cert of lock and build`)
	}
	d.line("debian:")
	d.line("  # This machine's apt sources. \"sources: host\" would mean those of the machine on which lock runs.")
	for _, reason := range leftOut {
		d.line("  # Left out: %s", strings.Join(strings.Fields(reason), " "))
	}
	d.line("  sources:")
	for _, source := range listed {
		d.names[source.Name] = true
	}
	for _, source := range listed {
		if len(nodes) > 0 && !source.ChosenArchitectures {
			source.Architectures = nodes
		}
		d.source(source)
	}
	d.requests(wanted)
	return d.finished(), nil
}

// nodeArchitectures are those of the nodes, sorted. Each file must be one that installed-on can read.
func nodeArchitectures(nodes []artifact.DraftFile) (all []string, err error) {
	for _, node := range nodes {
		architecture, err := resolver.StatusArchitecture(node.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", node.Path, err)
		}
		all = append(all, architecture)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// A draft is a section that is being written.
type draft struct {
	artifact.Draft
	text  strings.Builder
	names map[string]bool // of sources
	noted bool            // what the name of a source means
}

func (d *draft) line(format string, args ...any) { fmt.Fprintf(&d.text, format+"\n", args...) }

func (d *draft) finished() artifact.Draft {
	d.Section = []byte(d.text.String())
	return d.Draft
}

// source writes a source. Suites of one repository may have different components: then it is a source for each list of components.
func (d *draft) source(l aptconf.Listed) {
	key := d.keyFile(l)
	for i := 0; len(l.Suites) > 0; i++ {
		components := l.Suites[0].Components
		var suites []string
		l.Suites = slices.DeleteFunc(l.Suites, func(s archive.Suite) bool {
			same := slices.Equal(s.Components, components)
			if same {
				suites = append(suites, s.Name)
			}
			return same
		})
		name, note := l.Name, ""
		for n := 2; i > 0 && d.names[name]; n++ {
			name = fmt.Sprintf("%s-%d", l.Name, n)
		}
		if !d.noted {
			d.noted, note = true, "   # also the prefix of its addresses on the mirror"
		}
		d.names[name] = true
		d.line("    - name: %s%s", strictyaml.Quote(name), note)
		d.line("      urls: %s", strictyaml.QuoteList(l.URLs))
		d.line("      suites: %s", strictyaml.QuoteList(suites))
		if len(components) > 0 {
			d.line("      components: %s", strictyaml.QuoteList(components))
		}
		d.line("      architectures: %s", strictyaml.QuoteList(l.Architectures))
		if l.TrustsAll {
			d.line("      # apt names no keyring for this source. These are all keys that apt trusts: keep only those of the source.")
		}
		d.line("      signed-by: %s", strictyaml.Quote(key))
		if !l.CheckDates {
			d.line("      check-date: false          # as apt is set up here")
		}
		if !l.CheckValidUntil {
			d.line("      check-valid-until: false   # as apt is set up here")
		}
		if l.Phased != "" {
			d.line("      phased: %s", l.Phased)
		}
	}
}

// keyFile adds the keys of a source, and returns the path of their file. Sources with the same keyring share it.
func (d *draft) keyFile(l aptconf.Listed) string {
	name := l.KeyFile
	extension := path.Ext(name)
	for n := 2; ; n++ {
		file := artifact.DraftFile{Path: "keys/" + name, Data: l.KeyData}
		i := slices.IndexFunc(d.Files, func(o artifact.DraftFile) bool { return o.Path == file.Path })
		if i < 0 {
			d.Files = append(d.Files, file)
			return file.Path
		}
		if slices.Equal(d.Files[i].Data, file.Data) {
			return file.Path
		}
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(l.KeyFile, extension), n, extension)
	}
}

// requests writes what is carried, and examples of what else a definition may say.
func (d *draft) requests(wanted artifact.DraftRequest) {
	requests := wanted.Requests
	d.line("  # What the mirror carries. Whatever these packages need comes with them. A request may also be")
	d.line("  # \"nginx (>= 1.22)\", \"openssl=3.*\", \"linux-image-amd64/bookworm-backports\" or \"?priority(required)\".")
	d.line("  packages:")
	if len(requests) == 0 && len(wanted.Nodes) == 0 {
		requests = []string{exampleRequest}
		d.line("    # An example: write the packages that your site installs.")
	}
	for _, text := range requests {
		d.line("    - %s", strictyaml.Quote(text))
	}
	if len(wanted.Nodes) > 0 {
		d.line("    # All that these nodes have, in the newest version. The sources must be those of the nodes' release.")
		d.line("    - installed-on: nodes/*.status")
	}
	d.line("  # exclude: [\"exim4*\"]   # never carried, whatever needs them")
	d.line("  # recommends: true      # carry what packages recommend, too")
	d.line("  # base: essential       # what every node has already, and the mirror need not carry")
	d.line("# Packages that can be installed together on a node without a network, by minimirror bootstrap:")
	if len(requests) == 0 {
		requests = []string{exampleRequest}
	}
	d.line("# sets:\n#   first: { debian: %s }", strictyaml.QuoteList(requests))
}
