package simple

import (
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
)

// maxTag is the size of the largest tag of a page, in bytes.
const maxTag = 64 << 10

// readHTML reads a page of HTML (PEP 503), tag by tag: every anchor with an address is a file.
func (p *Page) readHTML(r io.Reader, base *url.URL, pass func(*File) error) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxTag)
	based, any := false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch err := z.Err(); {
			case err == io.EOF && !any:
				return fmt.Errorf("the page is not HTML")
			case err == io.EOF:
				return nil
			default:
				return err
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			any = true
			name, more := z.TagName()
			tag := string(name)
			if !more || tag != "a" && tag != "base" && tag != "meta" {
				continue
			}
			values := attributes(z)
			switch tag {
			case "base":
				if u, err := base.Parse(strings.TrimSpace(values["href"])); err == nil && !based && values["href"] != "" {
					base, based = u, true // only the first counts: HTML, section 4.2.3
				}
			case "meta":
				if err := p.htmlMeta(values); err != nil {
					return err
				}
			case "a":
				if err := p.htmlFile(values, base, pass); err != nil {
					return err
				}
			}
		}
	}
}

// attributes are those of a tag. The first of several with one name counts.
func attributes(z *html.Tokenizer) map[string]string {
	values := make(map[string]string)
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, repeated := values[string(key)]; !repeated {
			values[string(key)] = string(value)
		}
	}
	return values
}

// htmlMeta reads what a page says of itself: PEP 629, PEP 792.
func (p *Page) htmlMeta(values map[string]string) error {
	switch values["name"] {
	case "pypi:repository-version":
		return checkVersion(values["content"])
	case "pypi:project-status":
		if values["content"] != "" {
			p.Status = values["content"]
		}
	case "pypi:project-status-reason":
		p.Reason = values["content"]
	}
	return nil
}

func (p *Page) htmlFile(values map[string]string, base *url.URL, pass func(*File) error) error {
	href, is := values["href"]
	if !is {
		return nil
	}
	f := &File{Size: -1, URL: resolve(base, href), RequiresPython: values["data-requires-python"], Provenance: resolve(base, values["data-provenance"])}
	if u, err := url.Parse(strings.TrimSpace(href)); err == nil {
		if f.Name = path.Base(u.Path); strings.HasSuffix(u.Path, "/") || u.Path == "" {
			return nil // a link to something else, such as the folder above
		}
		if digest, found := strings.CutPrefix(u.Fragment, "sha256="); found {
			digest, _, _ = strings.Cut(digest, "&")
			f.SHA256 = strings.ToLower(digest)
		}
	}
	f.YankedReason, f.Yanked = values["data-yanked"]
	announced, has := values["data-core-metadata"]
	if !has {
		announced, has = values["data-dist-info-metadata"]
	}
	if f.Metadata = has && announced != "false"; f.Metadata {
		if digest, found := strings.CutPrefix(announced, "sha256="); found {
			f.MetadataSHA256 = strings.ToLower(digest)
		}
	}
	return p.take(f, pass)
}
