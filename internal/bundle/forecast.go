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
	Parity Amount `json:"parity"`   // files with parity that will be written besides; of a stream, only the bytes
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

	index int   // among the exporter's
	taken int64 // bytes that parts and parity have on it
}

// Forecast says what Export would do. It reads the media, and writes nothing.
func (e *Exporter) Forecast(ctx context.Context) (*Forecast, error) {
	if err := e.canHaveParity(); err != nil {
		return nil, err
	}
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

// fill shares the parts out to the media, as choose will, and the parity, as parityMedia will.
func (e *Exporter) fill(ctx context.Context, f *Forecast, todo []int) error {
	at := e.resumed()
	if err := e.beginMedium(ctx, f, at); err != nil {
		return err
	}
	for _, number := range todo {
		need := e.carried(number)
		for {
			m := &f.Media[len(f.Media)-1]
			if e.hasRoom(m, need) {
				m.Parts++
				m.add(need)
				break
			}
			if m.Parts == 0 && at >= len(e.Media) || at >= len(e.Media)-1 && !e.mayAdd() {
				f.Lacks += need
				break
			}
			at++
			if err := e.beginMedium(ctx, f, at); err != nil {
				return err
			}
		}
	}
	return e.fillParity(ctx, f, len(todo) == 0)
}

// fillParity shares the parity out. whole: all parts are there already, and so may be the parity.
func (e *Exporter) fillParity(ctx context.Context, f *Forecast, whole bool) error {
	if e.Share == 0 {
		return nil
	}
	if whole && len(e.Media) > 0 {
		if there, err := e.parityThere(ctx); there || err != nil {
			return err
		}
	}
	for i := range e.Media { // each gets the header
		if !slices.ContainsFunc(f.Media, func(m MediumForecast) bool { return m.index == i }) {
			if err := e.beginMedium(ctx, f, i); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(f.Media, func(a, b MediumForecast) int { return a.index - b.index })
	l, err := e.parityLayout(len(f.Media))
	if err != nil {
		return err
	}
	for n, file := range l.Files {
		f.Parity.add(file.Size)
		at := 0
		for at < len(f.Media) && !e.hasRoom(&f.Media[(n+at)%len(f.Media)], file.Size) {
			at++
		}
		switch {
		case at < len(f.Media):
			f.Media[(n+at)%len(f.Media)].add(file.Size)
		case e.mayAdd():
			last := &f.Media[len(f.Media)-1]
			if err := e.beginMedium(ctx, f, last.index+1); err != nil {
				return err
			}
			f.Media[len(f.Media)-1].add(file.Size)
		default:
			f.Lacks += file.Size
		}
	}
	return nil
}

// hasRoom reports whether so many bytes fit on a medium.
func (e *Exporter) hasRoom(m *MediumForecast, need int64) bool {
	return (e.Capacity == 0 || m.taken+need+e.reserve() <= e.Capacity) && (m.Free < 0 || m.Size+need <= m.Free)
}

// mayAdd reports whether there may be more media than are known.
func (e *Exporter) mayAdd() bool { return e.Capacity > 0 && len(e.Media) <= 1 }

func (m *MediumForecast) add(size int64) {
	m.Size += size
	m.taken += size
}

// resumed is the index of the medium on which the export goes on.
func (e *Exporter) resumed() int {
	at := 0
	for at < len(e.Media)-1 && len(e.state[at+1].parts) > 0 {
		at++
	}
	return at
}

// beginMedium adds a medium to the forecast: one of the exporter's, or behind them one that does not exist yet.
func (e *Exporter) beginMedium(ctx context.Context, f *Forecast, at int) (err error) {
	m := MediumForecast{Name: fmt.Sprintf("medium %d", at+1), Size: e.reserve(), Free: -1, index: at}
	if at < len(e.Media) {
		m.Name = e.Media[at].String()
		if m.Free, err = e.Media[at].Free(ctx); err != nil {
			return err
		}
		for _, p := range e.state[at].parts {
			m.taken += p.Size
		}
	}
	f.Media = append(f.Media, m)
	return nil
}

// Size is how many bytes will be written, but for the header and the digests.
func (f *Forecast) Size() int64 { return f.Write.Size + f.Parity.Size }

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
	return artifact.Hint(fmt.Errorf("%s %s room for %s, and the bundle needs %s", names, verb, bytesize.Text(free), bytesize.Text(f.Size())),
		"free some space, or use several media: repeat --to, or --media SIZE")
}
