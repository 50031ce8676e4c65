package files

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A chartRequest is "NAME@VERSIONS" in a definition: the newest version of each chart whose name matches, within what a
// range of Masterminds' semver allows, which is that of helm.
type chartRequest struct {
	pattern
	versions *semver.Constraints // nil: the newest that is no pre-release
	exact    string              // a version as it is written, semantic or not
}

func (s *source) parseHelm(raw sourceSpec) error {
	if raw.Charts == nil {
		return artifact.Hint(s.errorf("charts is missing"), `add: charts: ["NAME@1.*"]`)
	}
	if s.version != "" {
		return s.errorf("version does not go with helm: each chart has its own")
	}
	entries, err := readList(raw.Charts)
	if err != nil {
		return err
	}
	for _, p := range entries {
		request := chartRequest{pattern: p}
		name, versions, given := strings.Cut(p.text, "@")
		if name == "" {
			return p.section.Errorf("charts: %q has no name before the @", p.text)
		}
		request.text = name
		if err := request.parse(name); err != nil {
			return err
		}
		if given {
			request.exact = versions
			if request.versions, err = semver.NewConstraint(versions); err != nil {
				return artifact.Hint(p.section.Errorf("charts: %q: %w", p.text, err), `write a version or a range: "%s@4.*", "%s@>=4.1 <5", "%s@~4.1"`, name, name, name)
			}
		}
		s.charts = append(s.charts, request)
	}
	return nil
}

// A chart is a version of one in an index.
type chart struct {
	name, version string
	urls          []string
	digest        string
	entry         map[string]any
}

// indexName is the index of a chart repository.
const indexName = "index.yaml"

// helm reads the index of a chart repository and takes what the definition wants. The index is not
// signed; the digests in it vouch for the charts, as far as the connection to upstream does for it.
func (r *resolver) helm(ctx context.Context, s *source) error {
	address := artifact.JoinAddress(s.address, indexName)
	data, _, err := artifact.Get(ctx, r.req.Upstream, artifact.Request{URLs: []string{address}, Limit: maxList})
	if err != nil {
		return s.failed(err)
	}
	charts, err := parseIndex(data)
	if err != nil {
		return s.failed(fmt.Errorf("%s: %w", address, err))
	}
	var files []wanted
	for _, request := range s.charts {
		found := false
		for _, name := range chartNames(charts) {
			if !request.Match(name) {
				continue
			}
			c := r.choose(s, request, charts[name])
			if c == nil {
				continue
			}
			found = true
			file, err := r.chartFile(s, c)
			if err != nil {
				return s.failed(request.section.Errorf("%s %s: %w", c.name, c.version, err))
			}
			if !slices.ContainsFunc(files, func(w wanted) bool { return w.path == file.path }) {
				files = append(files, file)
			}
		}
		if !found {
			return artifact.Hint(request.section.Errorf("source %s: charts: the index has no chart that matches %q", s.name, strings.TrimSuffix(request.text+"@"+request.exact, "@")),
				"it has: %s", near(request.text, described(charts, request)))
		}
	}
	release := &artifact.Release{Name: indexName, URL: address, Metadata: []string{keyFrom + ": " + string(fromHelm)}}
	return r.add(ctx, s, release, files)
}

// described are the names that an index has, or the versions of the one that a request names.
func described(charts map[string][]chart, request chartRequest) (names []string) {
	for _, c := range charts[request.text] {
		names = append(names, c.name+"@"+c.version)
	}
	if names == nil {
		names = chartNames(charts)
	}
	return names
}

func chartNames(charts map[string][]chart) (names []string) {
	for name := range charts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// choose returns the version to carry: that of the lock before, where pins stay and the request still allows it, or the newest.
func (r *resolver) choose(s *source, request chartRequest, versions []chart) (best *chart) {
	var newest *semver.Version
	for i := range versions {
		c := &versions[i]
		version, err := semver.NewVersion(c.version)
		if err != nil {
			if c.version == request.exact {
				return c
			}
			continue
		}
		if request.versions == nil && version.Prerelease() != "" || request.versions != nil && !request.versions.Check(version) {
			continue
		}
		if slices.ContainsFunc(r.req.Locked, func(i artifact.Item) bool {
			return i.Source == s.name && i.Name == c.name && i.Version == c.version && i.Files[0].SHA256 == c.digest
		}) {
			return c
		}
		if newest == nil || version.GreaterThan(newest) {
			best, newest = c, version
		}
	}
	return best
}

// chartFile is the file of a chart.
func (r *resolver) chartFile(s *source, c *chart) (w wanted, err error) {
	if len(c.urls) == 0 {
		return w, fmt.Errorf("the index has no address for it")
	}
	base, err := url.Parse(s.address + "/")
	if err != nil {
		return w, err
	}
	address, err := base.Parse(c.urls[0])
	if err != nil {
		return w, err
	}
	if address.Scheme == "oci" {
		return w, fmt.Errorf("it is in a registry, at %s, and not in this repository: it cannot be carried as a file", artifact.Redacted(address.String()))
	}
	if address.Scheme != base.Scheme && address.Scheme != "https" && address.Scheme != "http" || address.User != nil {
		return w, fmt.Errorf("%q is not an address that can be fetched", artifact.Redacted(address.String()))
	}
	file := path.Base(address.Path)
	if !carriable(file) || file == indexName {
		return w, fmt.Errorf("%q cannot be the name of a file of the mirror", file)
	}
	if !artifact.ValidSHA256(c.digest) {
		return w, artifact.Hint(fmt.Errorf("the index has no digest for it, so it cannot be verified"),
			"leave it out of charts, and add a source of its own: { name: NAME, url: %s, sha256: DIGEST }", address)
	}
	line, err := json.Marshal(c.entry)
	if err != nil {
		return w, fmt.Errorf("its entry in the index: %w", err)
	}
	return wanted{path: file, urls: []string{address.String()}, content: artifact.Content{Size: -1, SHA256: c.digest}, name: c.name, version: c.version,
		metadata: []string{keyChart + ": " + string(line)}}, nil
}

// parseIndex reads an index.yaml: charts, by name, and their versions in its order.
func parseIndex(data []byte) (map[string][]chart, error) {
	var index struct {
		Entries map[string][]map[string]any `yaml:"entries"`
	}
	if err := yaml.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("not the index of a chart repository: %w", err)
	}
	if index.Entries == nil {
		return nil, fmt.Errorf("not the index of a chart repository: it has no entries")
	}
	charts := make(map[string][]chart)
	for name, versions := range index.Entries {
		for _, entry := range versions {
			c := chart{name: name, entry: entry}
			c.version, _ = entry["version"].(string)
			c.digest, _ = entry["digest"].(string)
			c.digest = strings.ToLower(strings.TrimPrefix(c.digest, "sha256:"))
			urls, _ := entry["urls"].([]any)
			for _, u := range urls {
				if text, is := u.(string); is {
					c.urls = append(c.urls, text)
				}
			}
			if own, _ := entry["name"].(string); own != name || c.version == "" {
				return nil, fmt.Errorf("the entry %q has a chart %q, version %q", name, own, c.version)
			}
			charts[name] = append(charts[name], c)
		}
	}
	return charts, nil
}
