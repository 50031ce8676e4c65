// Package paging reads lists that servers send in pages, where each page links to the next one (RFC 8288), as registries send their repositories,
// tags and referrers. A server that is broken or hostile can make neither an endless list of it, nor lead to another host.
package paging

import (
	"fmt"
	"net/http"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	maxPages  = 10_000    // of one list
	maxListed = 512 << 20 // bytes of one list
	maxRepeat = 10        // pages in a row with nothing new
)

// Each requests one page after the other, beginning with that at an address. get requests an address. page reads a page, and reports whether it has
// anything new. What a server does wrong is artifact.ErrVerify.
func Each(address string, get func(address string) (data []byte, header http.Header, err error), page func(data []byte, header http.Header) (more bool, err error)) error {
	seen, repeats, size := map[string]bool{}, 0, 0
	for next := address; next != ""; {
		if seen[next] || len(seen) >= maxPages {
			return artifact.Verifyf("%s: the pages of the list form a loop: page %d is followed by %s again", artifact.Redacted(address), len(seen), artifact.Redacted(next))
		}
		seen[next] = true
		data, header, err := get(next)
		if err != nil {
			return err
		}
		if size += len(data); size > maxListed {
			return artifact.Verifyf("%s: the list has more than %d bytes", artifact.Redacted(address), maxListed)
		}
		more, err := page(data, header)
		if err != nil {
			return fmt.Errorf("%s: %w", artifact.Redacted(next), err)
		}
		if repeats++; more {
			repeats = 0
		}
		if repeats > maxRepeat {
			return artifact.Verifyf("%s: the pages of the list form a loop: the last %d have nothing new", artifact.Redacted(address), repeats)
		}
		if next, err = Next(next, header.Values("Link")); err != nil {
			return fmt.Errorf("%s: %w", artifact.Redacted(address), err)
		}
	}
	return nil
}
