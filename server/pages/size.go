package pages

import (
	"fmt"
	"html/template"
	"net/http"

	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/chart"
	"github.com/minimirror/minimirror/server/inventory"
)

const (
	mostShares = 150 // in the picture; what is smaller is one share together
	mostRows   = 25  // in the table
)

// A sizePage is what size.html shows.
type sizePage struct {
	frame
	*inventory.Sizes
	Shares, LayerBars, MonthBars template.HTML // pictures
	Largest                      []inventory.OriginSize
	Unused                       int64 // bytes
}

// serveSize shows what the image weighs.
func (p *Pages) serveSize(w http.ResponseWriter, r *http.Request) {
	sizes, err := p.Inventory.Sizes(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	page := sizePage{frame: p.frame("Size", ""), Sizes: sizes, Largest: sizes.Origins[:min(mostRows, len(sizes.Origins))]}
	for _, l := range sizes.Layers {
		page.Unused += l.Unused
	}
	// A picture escapes what it shows.
	page.Shares = template.HTML(drawShares(sizes))
	page.LayerBars = template.HTML(drawLayers(sizes))
	page.MonthBars = template.HTML(drawMonths(sizes))
	p.show(w, r, http.StatusOK, "size.html", page)
}

func drawShares(s *inventory.Sizes) string {
	shares := make([]chart.Share, 0, mostShares+1)
	for i := range s.Origins[:min(mostShares, len(s.Origins))] {
		o := &s.Origins[i]
		shares = append(shares, chart.Share{Label: o.Name, Size: o.Size, Text: bytesize.Text(o.Size)})
	}
	if rest := s.Origins[len(shares):]; len(rest) > 0 {
		var size int64
		for i := range rest {
			size += rest[i].Size
		}
		shares = append(shares, chart.Share{Label: countOf(len(rest), "other"), Size: size, Text: bytesize.Text(size)})
	}
	return chart.Treemap("shares", "Sizes by origin", "Each area is proportional to the size of all items with one origin. The table below lists the largest.", shares)
}

func drawLayers(s *inventory.Sizes) string {
	bars := make([]chart.Bar, len(s.Layers))
	for i := range s.Layers {
		l := &s.Layers[i]
		label := fmt.Sprint(i)
		if l.Title != "" {
			label += ": " + l.Title
		}
		bars[i] = bar(label, l.Used, l.Unused)
		if l.New {
			bars[i].Text += ", new"
		}
	}
	return chart.Bars("layers", "Layers", "The length of each bar is the size of a layer; the part with a dashed outline is unused. The table below has the numbers.", bars)
}

func drawMonths(s *inventory.Sizes) string {
	bars := make([]chart.Bar, len(s.Months))
	for i := range s.Months {
		m := &s.Months[i]
		bars[i] = bar(m.Month+", "+countOf(m.Layers, "layer"), m.Used, m.Unused)
	}
	return chart.Bars("months", "Layers by month", "The length of each bar is the size of the layers that were added in a month; the part with a dashed outline is unused.", bars)
}

// bar draws what is used and what is not.
func bar(label string, used, unused int64) chart.Bar {
	text := bytesize.Text(used + unused)
	if unused > 0 {
		text += ", " + bytesize.Text(unused) + " unused"
	}
	return chart.Bar{Label: label, Text: text, Parts: []chart.Part{
		{Size: used, Title: label + ": " + bytesize.Text(used) + " used"},
		{Size: unused, Title: label + ": " + bytesize.Text(unused) + " unused", Hollow: true},
	}}
}
