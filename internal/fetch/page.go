package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A page of upstream has no digest, and upstream may replace it at any time. The cache keeps the last one of each address and
// request header: if upstream says that it has no other (RFC 9110, section 13.1.2), it is not transferred again.

// page brings a page.
func (c *Client) page(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	kept := make([]*keptPage, len(r.URLs))
	all := addresses(r)
	for i := range all {
		if kept[i] = c.keptPage(all[i], r.Limit); kept[i] != nil {
			defer kept[i].close()
			header := all[i].Header.Clone()
			if header == nil {
				header = make(http.Header)
			}
			header.Set("If-None-Match", kept[i].Header.Get("ETag"))
			all[i].Header = header
		}
	}
	w, err := c.Cache.Create()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	s, err := c.stream(ctx, transfer.Download{Addresses: all, Size: -1, Fresh: true}, w, r.Limit)
	if err == transfer.ErrNotModified {
		for i, u := range r.URLs {
			if u == s.URL() && kept[i] != nil {
				return kept[i].answer(u, s.Header()), nil
			}
		}
	}
	if err != nil {
		return nil, err
	}
	known := s.Header().Clone()
	known.Del("Set-Cookie")
	page, err := w.KeepPage(pageKey(s.URL(), r.Header), aboutPage{s.Base(), known})
	if err != nil {
		return nil, err
	}
	return &artifact.Answer{URL: s.URL(), Base: s.Base(), Header: s.Header(), Content: page.Content, Body: page}, nil
}

// pageKey names the page of an address for requests with the header.
func pageKey(address string, header http.Header) string {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode([]any{address, header}) // a hash takes everything, and maps are sorted
	return hex.EncodeToString(h.Sum(nil))
}

// A keptPage is a page of the cache, of which upstream is asked whether it still has it.
type keptPage struct {
	*cache.Page
	aboutPage
	used bool
}

// aboutPage is what the cache knows of a page.
type aboutPage struct {
	Base   string // as artifact.Answer has it
	Header http.Header
}

// keptPage opens the page of an address, if it has an ETag; nil: there is none.
func (c *Client) keptPage(a transfer.Address, limit int64) *keptPage {
	p := &keptPage{}
	var err error
	if p.Page, err = c.Cache.OpenPage(pageKey(a.URL, a.Header), &p.aboutPage); err != nil {
		return nil
	}
	if p.Header.Get("ETag") == "" || limit > 0 && p.Size > limit {
		p.Close()
		return nil
	}
	return p
}

// answer is the answer with the kept page and what upstream says of it now: RFC 9111, section 3.2.
func (p *keptPage) answer(address string, now http.Header) *artifact.Answer {
	p.used = true
	length := p.Header.Values("Content-Length")
	maps.Copy(p.Header, now)
	p.Header.Del("Content-Length") // a server may give that of its answer
	if length != nil {
		p.Header["Content-Length"] = length
	}
	return &artifact.Answer{URL: address, Base: p.Base, Header: p.Header, Content: p.Content, Body: p.Page}
}

// close closes a page that is no answer.
func (p *keptPage) close() {
	if !p.used {
		p.Close()
	}
}
