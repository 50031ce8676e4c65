package chart

import "fmt"

// A Section is a part of a document: lines of text, and below them bars, shares, or nothing.
type Section struct {
	Lines  []string
	Bars   []Bar
	Shares []Share
}

// Document draws sections below each other as one picture that stands in a file of its own, dark on white.
func Document(title, description string, sections []Section) string {
	const margin, leading, gap = 16, 20, 24
	height := float64(margin)
	tops := make([]float64, len(sections))
	for i := range sections {
		s := &sections[i]
		tops[i] = height
		height += float64(len(s.Lines)*leading) + gap
		switch {
		case s.Bars != nil:
			height += barsHeight(len(s.Bars))
		case s.Shares != nil:
			height += treemapHeight
		}
	}
	p := newPicture("document", title, description, height)
	fmt.Fprintf(&p.b, `<rect x="0" y="0" width="%d" height="%s" fill="#ffffff"/>`, Width, number(height))
	for i := range sections {
		s := &sections[i]
		for n, line := range s.Lines {
			p.text(box{0, tops[i] + float64(n*leading), Width, leading}, line)
		}
		fmt.Fprintf(&p.b, `<g transform="translate(0 %s)">`, number(tops[i]+float64(len(s.Lines)*leading)))
		switch {
		case s.Bars != nil:
			p.bars(s.Bars)
		case s.Shares != nil:
			p.treemap(s.Shares)
		}
		p.b.WriteString(`</g>`)
	}
	return p.finish()
}
