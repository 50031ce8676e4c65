package audit

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
)

// A Filter chooses records. The zero value takes all.
type Filter struct {
	Since, Until time.Time      // from Since on, before Until; zero: no bound
	Clients      []netip.Prefix // in one of these; none: any
	Names        []glob.Pattern // one of these matches the item's name; none: any, and requests without a name
}

// Takes reports whether the filter takes the record.
func (f *Filter) Takes(r *Record) bool {
	switch {
	case r.Time.Before(f.Since), !f.Until.IsZero() && !r.Time.Before(f.Until):
		return false
	case len(f.Clients) > 0 && !within(f.Clients, plain(r.Client)):
		return false
	}
	return f.TakesName(r.Name)
}

// TakesName reports whether the filter takes items of the name.
func (f *Filter) TakesName(name string) bool {
	return len(f.Names) == 0 || slices.ContainsFunc(f.Names, func(p glob.Pattern) bool { return p.Match(name) })
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// ParseNetworks reads addresses, "10.0.0.7", and networks, "10.0.0.0/8".
func ParseNetworks(texts []string) (networks []netip.Prefix, err error) {
	for _, text := range texts {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			a, wrong := netip.ParseAddr(text)
			if wrong != nil {
				return nil, artifact.Hint(artifact.Usagef("%q is neither an address nor a network", text), "write 10.0.0.7 or 10.0.0.0/8")
			}
			a = plain(a)
			n = netip.PrefixFrom(a, a.BitLen())
		}
		networks = append(networks, n)
	}
	return networks, nil
}

// timeFormats are those of ParseTime that name a moment, in UTC where they do not say otherwise.
var timeFormats = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// ParseTime reads a moment: RFC 3339, or its beginning ("2026-11-21 08:40", UTC), or how long it was before now
// ("7d", "36h", "15m"). The empty text is the zero time.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, format := range timeFormats {
		if t, err := time.Parse(format, text); err == nil {
			return t.UTC(), nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.UTC().AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.UTC().Add(-d), nil
	}
	return time.Time{}, artifact.Hint(artifact.Usagef("%q is not a time", text), `write "2026-11-21", "2026-11-21 08:40" (UTC), "2026-11-21T08:40:00+01:00", "7d" or "36h"`)
}
