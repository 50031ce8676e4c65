package pypi

import (
	"net/url"
	"slices"
	"strings"
)

// addresses are those of the source: its indexes, which end in a slash, the main one first; and where these have files, which do not. Of the places
// of files only the first folder is stated (https://files.pythonhosted.org/packages), which stays the same from one lock to the next.
func (r *sourceResolver) addresses() []string {
	all := []string{r.index}
	add := func(address string) {
		if !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	for _, other := range r.others {
		add(other.address)
	}
	for _, w := range r.wanted {
		if u, err := url.Parse(w.URL); err == nil {
			first, _, below := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			place := url.URL{Scheme: u.Scheme, Host: u.Host}
			if below {
				place.Path = "/" + first
			}
			add(place.String())
		}
	}
	slices.Sort(all[1:])
	return all
}

// MapAddress implements artifact.AddressMapper, for clients that keep using the names of an index and of the host of its files.
func (Kind) MapAddress(address string) string {
	if strings.HasSuffix(address, "/") {
		return indexFolder
	}
	return filesFolder
}
