package bundle

import (
	"context"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// A Forecast says what Export will write, and where, before it writes anything.
type Forecast struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Images int    `json:"images"`
	Blobs  Amount `json:"blobs"`    // that the bundle carries
	Base   Amount `json:"left_out"` // that the other side has
	Parts  Amount `json:"parts"`    // of the whole bundle, as carried
	Kept   Amount `json:"kept"`     // parts that are on the media already
	Write  Amount `json:"write"`    // parts that will be written
	// Media are those that will be written, in their order. The last are ones that do not exist yet, if --media says how much each takes.
	Media []MediumForecast `json:"media"`
	// Lacks is how many bytes have no room on any medium.
	Lacks int64 `json:"lacks"`
	// Exact is false if encryption decides how large parts are only when they are written: then sizes are limits.
	Exact bool `json:"exact"`
}

// An Amount is a number of things, and their bytes.
type Amount struct {
	Count int   `json:"count"`
	Size  int64 `json:"size"`
}

func (a *Amount) add(size int64) {
	a.Count++
	a.Size += size
}

// A MediumForecast is what will be written to one medium.
type MediumForecast struct {
	Name  string `json:"name"`
	Parts int    `json:"parts"`
	Size  int64  `json:"size"` // bytes, with the header and the digests
	Free  int64  `json:"free"` // bytes; -1: nobody knows
}

// Forecast says what Export would do. It reads the media, and writes nothing.
func (e *Exporter) Forecast(ctx context.Context) (*Forecast, error) {
	todo, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	f := &Forecast{ID: e.Header.ID, Name: e.Header.Name, Images: len(e.Header.Images), Exact: true}
	for _, b := range e.Header.Blobs {
		f.Blobs.add(b.Size)
	}
	if e.Header.Base != nil {
		for _, b := range e.Header.Base.Blobs {
			f.Base.add(b.Size)
		}
	}
	for _, p := range e.plan.Parts {
		f.Parts.add(e.carried(p.Number))
		if e.Sealer != nil && e.Sealer.Size(p.Size) < 0 {
			f.Exact = false
		}
		if slices.Contains(todo, p.Number) {
			f.Write.add(e.carried(p.Number))
		} else if e.Numbers == nil {
			f.Kept.add(e.carried(p.Number))
		}
	}
	return f, e.fill(ctx, f, todo)
}

// fill shares the parts out to the media, as choose will.
func (e *Exporter) fill(ctx context.Context, f *Forecast, todo []int) error {
	first, taken, err := e.beginMedium(ctx, f, e.resumed())
	if err != nil || len(todo) == 0 {
		return err
	}
	at := first
	for _, number := range todo {
		need := e.carried(number)
		for {
			m := &f.Media[len(f.Media)-1]
			full := e.Capacity > 0 && taken+need+e.reserve() > e.Capacity || m.Free >= 0 && m.Size+need > m.Free
			if !full {
				m.Parts, m.Size, taken = m.Parts+1, m.Size+need, taken+need
				break
			}
			last := at >= len(e.Media)-1 && (e.Capacity == 0 || len(e.Media) > 1)
			if m.Parts == 0 && at >= len(e.Media) || last {
				f.Lacks += need
				break
			}
			at++
			if _, taken, err = e.beginMedium(ctx, f, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// resumed is the index of the medium on which the export goes on.
func (e *Exporter) resumed() int {
	at := 0
	for at < len(e.Media)-1 && len(e.state[at+1].parts) > 0 {
		at++
	}
	return at
}

// beginMedium adds a medium to the forecast: one of the exporter's, or behind them one that does not exist yet. taken is what parts have on it.
func (e *Exporter) beginMedium(ctx context.Context, f *Forecast, at int) (index int, taken int64, err error) {
	m := MediumForecast{Name: fmt.Sprintf("medium %d", at+1), Size: e.reserve(), Free: -1}
	if at < len(e.Media) {
		m.Name = e.Media[at].String()
		if m.Free, err = e.Media[at].Free(ctx); err != nil {
			return at, 0, err
		}
		for _, p := range e.state[at].parts {
			taken += p.Size
		}
	}
	f.Media = append(f.Media, m)
	return at, taken, nil
}

// Fits is the error if the media lack room.
func (f *Forecast) Fits() error {
	if f.Lacks == 0 {
		return nil
	}
	free, names, verb := int64(0), "", "has"
	for i, m := range f.Media {
		if i > 0 {
			names, verb = names+", ", "together have"
		}
		names += m.Name
		free += max(m.Free, 0)
	}
	return artifact.Hint(fmt.Errorf("%s %s room for %s, and the bundle needs %s", names, verb, bytesize.Text(free), bytesize.Text(f.Write.Size)),
		"free some space, or use several media: repeat --to, or --media SIZE")
}
