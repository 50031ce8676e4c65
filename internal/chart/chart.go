// Package chart draws pictures of sizes as SVG 1.1, for pages without scripts: a treemap of shares, and bars. It knows nothing of what it
// draws. A picture is one element <svg>, to stand in HTML or, as it is, in a file. It is readable without colour: shapes have outlines and
// texts, and what is hollow has a dashed outline. Its colours are those of the text around it. Every shape has a title, which browsers show
// for the pointer; for those who cannot see it, the picture has a title and a description, and a page should have the numbers as text, too.
package chart

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Width is the width of all pictures, in units of their own: a page scales them.
const Width = 960

// A picture is an <svg> that is being written.
type picture struct {
	b strings.Builder
}

// newPicture begins a picture. id is unique in the page.
func newPicture(id, title, description string, height float64) *picture {
	p := new(picture)
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %s" width="100%%" role="img" aria-labelledby="%s-title %s-text" font-family="system-ui, sans-serif" font-size="13" fill="currentColor">`,
		Width, number(height), escape(id), escape(id))
	fmt.Fprintf(&p.b, `<title id="%s-title">%s</title><desc id="%s-text">%s</desc>`, escape(id), escape(title), escape(id), escape(description))
	return p
}

func (p *picture) finish() string {
	p.b.WriteString("</svg>")
	return p.b.String()
}

// A box is a rectangle.
type box struct{ x, y, w, h float64 }

// shape draws a rectangle with a title.
func (p *picture) shape(r box, title string, hollow bool) {
	look := `fill-opacity="0.14" stroke="currentColor" stroke-opacity="0.7"`
	if hollow {
		look = `fill-opacity="0" stroke="currentColor" stroke-opacity="0.7" stroke-dasharray="3 3"`
	}
	fmt.Fprintf(&p.b, `<g><title>%s</title><rect x="%s" y="%s" width="%s" height="%s" %s/></g>`, escape(title), number(r.x), number(r.y), number(r.w), number(r.h), look)
}

// text writes lines into a rectangle, which cuts off what is longer.
func (p *picture) text(r box, lines ...string) {
	const leading = 15
	fmt.Fprintf(&p.b, `<svg x="%s" y="%s" width="%s" height="%s" overflow="hidden">`, number(r.x), number(r.y), number(r.w), number(r.h))
	for i, line := range lines {
		fmt.Fprintf(&p.b, `<text x="0" y="%d">%s</text>`, 12+i*leading, escape(line))
	}
	p.b.WriteString(`</svg>`)
}

// escape makes text safe in XML and in HTML, and visible: see artifact.Printable.
func escape(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(artifact.Printable(text))); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return b.String()
}

// number writes a coordinate with at most three decimals.
func number(n float64) string {
	text := strconv.FormatFloat(n, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
