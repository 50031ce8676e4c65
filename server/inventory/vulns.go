package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/minimirror/minimirror/internal/vulns"
)

// A VulnerabilityQuery is what a visitor asks for.
type VulnerabilityQuery struct {
	vulns.Filter
	Offset, Limit int // as in Query
}

// ReadVulnerabilityQuery reads the parameters q, offset and limit, and lists with commas: status, and match, which has the words of a Threshold.
func ReadVulnerabilityQuery(r *http.Request) (q VulnerabilityQuery, err error) {
	rows, err := ReadQuery(r)
	if err != nil {
		return q, err
	}
	q.Text, q.Offset, q.Limit = strings.TrimSpace(rows.Text), rows.Offset, rows.Limit
	list := func(name string) []string {
		return strings.FieldsFunc(r.URL.Query().Get(name), func(r rune) bool { return r == ',' })
	}
	if q.Statuses, err = vulns.ParseStatuses(list("status")); err != nil {
		return q, fmt.Errorf("status: %w", err)
	}
	if words := list("match"); len(words) > 0 {
		threshold, err := vulns.ParseThreshold(words)
		if err != nil {
			return q, fmt.Errorf("match: want %s", strings.Join(vulns.ThresholdWords, ", "))
		}
		q.Matching = &threshold
	}
	return q, nil
}

// FindVulnerabilities selects findings of the report. count is how many there are beside the offset and the limit.
func (v *Inventory) FindVulnerabilities(ctx context.Context, q VulnerabilityQuery) (report *vulns.Report, found []*vulns.Finding, count int, err error) {
	if report, err = v.Vulnerabilities(ctx); err != nil {
		return nil, nil, 0, err
	}
	found = q.Select(report)
	count = len(found)
	found = found[min(q.Offset, count):]
	return report, found[:min(q.Limit, len(found))], count, nil
}

// Vulnerabilities compares what the image carries with its advisories, the first time from the whole catalog. Without advisories, the report has no
// Knowledge. It must not be changed.
func (v *Inventory) Vulnerabilities(ctx context.Context) (*vulns.Report, error) {
	return v.vulnerabilities.get(ctx, v.findVulnerabilities)
}

func (v *Inventory) findVulnerabilities(ctx context.Context) (*vulns.Report, error) {
	full, err := v.Image.FullCatalog()
	if err != nil {
		return nil, err
	}
	report, err := vulns.Find(ctx, vulns.Request{Digest: v.Image.Digest, Catalog: full, Kinds: v.Kinds, Open: func(name string) (io.ReadCloser, error) {
		data, err := v.Image.ReadFile(name)
		return io.NopCloser(bytes.NewReader(data)), err
	}})
	if errors.Is(err, vulns.ErrNoKnowledge) {
		return &vulns.Report{}, nil
	}
	return report, err
}
