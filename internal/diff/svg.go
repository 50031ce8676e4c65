package diff

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/chart"
)

// mostShares is how many shares a picture has; what is smaller is one share together.
const mostShares = 100

// SVG draws the difference: how many items changed in which way, from what the new ones were made, and which layers are new. kinds say from what items
// were made.
func (d *Diff) SVG(w io.Writer, kinds []artifact.Kind) error {
	title := fmt.Sprintf("%s: %s → %s", line(d.B.Name), d.A.Date.UTC().Format(time.DateOnly), d.B.Date.UTC().Format(time.DateOnly))
	sections := []chart.Section{{Lines: []string{title, "items: " + d.summary(), "to ship: " + d.toShip()}}}
	if bars := d.changeBars(); bars != nil {
		sections = append(sections, chart.Section{Lines: []string{"Changed items. A bar is the size of their files; the part with a dashed outline is no longer in B."}, Bars: bars})
	}
	if shares := d.newShares(kinds); shares != nil {
		sections = append(sections, chart.Section{Lines: []string{"New files, by what they were made from. An area is the size of the files of new items and of new versions."}, Shares: shares})
	}
	if bars := d.layerBars(); bars != nil {
		sections = append(sections, chart.Section{Lines: []string{"Layers of B. Those with a dashed outline are in A, too, and need not be transferred."}, Bars: bars})
	}
	_, err := io.WriteString(w, chart.Document(title, d.summary()+". To ship: "+d.toShip(), sections)+"\n")
	return err
}

// changeBars has a bar for each way in which items changed. Items that only moved have no new files.
func (d *Diff) changeBars() (bars []chart.Bar) {
	for _, what := range order {
		var size, security, gone int64
		seen := make(map[string]bool) // several items may be replaced by one
		changes := d.of(what)
		if len(changes) == 0 || what == Moved {
			continue
		}
		for _, c := range changes {
			switch {
			case c.New == nil:
				gone += c.Old.Size
			case seen[c.New.ID]:
			case c.New.Security:
				security += c.New.Size
			default:
				size += c.New.Size
			}
			if c.New != nil {
				seen[c.New.ID] = true
			}
		}
		label := fmt.Sprintf("%s: %s", what, counted(len(changes), "item"))
		text := bytesize.Text(size + security + gone)
		if security > 0 {
			text += ", " + bytesize.Text(security) + " security"
		}
		bars = append(bars, chart.Bar{Label: label, Text: text, Parts: []chart.Part{
			{Size: security, Title: label + ": security updates, " + bytesize.Text(security)}, {Size: size, Title: label + ": " + bytesize.Text(size)},
			{Size: gone, Title: label + ": " + bytesize.Text(gone), Hollow: true},
		}})
	}
	return bars
}

// newShares has a share for each origin of items that have new content.
func (d *Diff) newShares(kinds []artifact.Kind) (shares []chart.Share) {
	originators := make(map[string]artifact.Originator)
	for _, kind := range kinds {
		if originator, able := artifact.Able[artifact.Originator](kind); able {
			originators[kind.Name()] = originator
		}
	}
	sizes, seen := make(map[string]int64), make(map[string]bool)
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.New == nil || c.What == Moved || seen[c.New.ID] {
			continue
		}
		seen[c.New.ID] = true
		name := c.Name
		if originator := originators[c.Kind]; originator != nil {
			origin := originator.Origin(c.new)
			name, _ = origin.Of(c.new)
		}
		sizes[name] += c.New.Size
	}
	for name, size := range sizes {
		shares = append(shares, chart.Share{Label: name, Size: size, Text: bytesize.Text(size)})
	}
	slices.SortFunc(shares, func(a, b chart.Share) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Label, b.Label)) })
	if len(shares) > mostShares {
		var rest int64
		for _, s := range shares[mostShares:] {
			rest += s.Size
		}
		shares = append(shares[:mostShares], chart.Share{Label: counted(len(shares)-mostShares, "other"), Size: rest, Text: bytesize.Text(rest)})
	}
	return shares
}

func (d *Diff) layerBars() (bars []chart.Bar) {
	for i := range d.Layers {
		l := &d.Layers[i]
		label := fmt.Sprint(i)
		if l.Title != "" {
			label += ": " + l.Title
		}
		text := bytesize.Text(l.Size) + ", new"
		if l.Kept {
			text = bytesize.Text(l.Size) + ", in A, too"
		}
		bars = append(bars, chart.Bar{Label: label, Text: text, Parts: []chart.Part{{Size: l.Size, Title: label + ": " + text, Hollow: l.Kept}}})
	}
	return bars
}
