package bundle

import (
	"fmt"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/bytesize"
)

// Duration is how long so many bytes take at a rate in bytes per second.
func Duration(size, rate int64) time.Duration {
	return time.Duration(float64(size) / float64(rate) * float64(time.Second)).Round(time.Second)
}

// Text shows the forecast to people. rate is how many bytes are written in a second; 0: no times.
func (f *Forecast) Text(rate int64) string {
	var b strings.Builder
	at, about := "", ""
	if rate > 0 {
		at = fmt.Sprintf(", %s at %s/s", Duration(f.Size(), rate), bytesize.Text(rate))
	}
	if !f.Exact {
		about = "at most "
	}
	fmt.Fprintf(&b, "bundle %s\nname %s: %s, %s\n", f.ID, f.Name, counted(f.Images, "image"), quantity(f.Blobs.Count, "blob", f.Blobs.Size))
	if f.Base.Count > 0 {
		fmt.Fprintf(&b, "left out, because the other side has it: %s\n", quantity(f.Base.Count, "blob", f.Base.Size))
	}
	fmt.Fprintf(&b, "parts: %s%s\n", about, quantity(f.Parts.Count, "part", f.Parts.Size))
	if f.Kept.Count > 0 {
		fmt.Fprintf(&b, "there already: %s\n", quantity(f.Kept.Count, "part", f.Kept.Size))
	}
	parity := ""
	if f.Parity.Size > 0 {
		parity = ", and parity"
		if f.Parity.Count > 0 {
			parity += " in " + counted(f.Parity.Count, "file")
		}
		parity += ", " + bytesize.MB(f.Parity.Size)
	}
	fmt.Fprintf(&b, "to write: %s%s%s%s\n", about, quantity(f.Write.Count, "part", f.Write.Size), parity, at)
	for _, m := range f.Media {
		free := "free space is not known"
		if m.Free >= 0 {
			free = bytesize.MB(m.Free) + " are free"
		}
		fmt.Fprintf(&b, "%s: %s will be written; %s\n", m.Name, quantity(m.Parts, "part", m.Size), free)
	}
	fmt.Fprintf(&b, "room at the destination of the import: %s\n", bytesize.MB(f.Blobs.Size))
	return b.String()
}

func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func quantity(n int, thing string, size int64) string {
	return counted(n, thing) + ", " + bytesize.MB(size)
}
