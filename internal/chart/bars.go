package chart

// A Bar is a row of a bar chart.
type Bar struct {
	Label string
	Parts []Part
	Text  string // what stands behind the bar
}

// A Part is a piece of a bar.
type Part struct {
	Size   int64
	Title  string
	Hollow bool // outlined only
}

const (
	rowHeight, barHeight = 26, 18
	labels, texts        = 300, 180 // widths
)

func barsHeight(n int) float64 { return float64(max(n, 1) * rowHeight) }

// Bars draws bars below each other, with labels before and texts behind them. Their lengths are proportional to the sizes of their
// parts. id is unique in the page.
func Bars(id, title, description string, bars []Bar) string {
	p := newPicture(id, title, description, barsHeight(len(bars)))
	p.bars(bars)
	return p.finish()
}

func (p *picture) bars(bars []Bar) {
	const length = Width - labels - texts
	var most float64
	for i := range bars {
		var sum float64
		for _, part := range bars[i].Parts {
			sum += float64(max(part.Size, 0))
		}
		most = max(most, sum)
	}
	for i := range bars {
		b := &bars[i]
		y := float64(i * rowHeight)
		p.text(box{0, y + 2, labels - 10, barHeight}, b.Label)
		at := float64(labels)
		for _, part := range b.Parts {
			if part.Size <= 0 {
				continue
			}
			w := length * float64(part.Size) / most
			p.shape(box{at, y + 1, w, barHeight}, part.Title, part.Hollow)
			at += w
		}
		p.text(box{at + 8, y + 2, Width - at - 8, barHeight}, b.Text)
	}
}
