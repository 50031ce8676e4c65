// Package progress shows how far work has progressed: on a terminal one line that changes, elsewhere a
// line from time to time. Sizes are in MB everywhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/minimirror/minimirror/internal/bytesize"
)

// Reporter begins phases. The zero value reports nothing.
type Reporter struct {
	out   io.Writer
	width func() int // of the terminal, in columns; nil: not a terminal
	every time.Duration
}

// To reports on f: one line that changes when f is a terminal, else a line every two seconds.
func To(f *os.File) *Reporter {
	if !term.IsTerminal(int(f.Fd())) {
		return &Reporter{out: f, every: 2 * time.Second}
	}
	return &Reporter{out: f, every: 200 * time.Millisecond, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width < 1 {
			return 80
		}
		return width
	}}
}

// A Phase is a piece of work that is measured in bytes. Its methods may be
// called from several goroutines.
type Phase struct {
	reporter *Reporter
	name     string
	done     atomic.Int64
	total    int64
	started  time.Time
	shown    string // the last line
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// Phase begins a phase of total bytes. 0 means that the total is unknown: then it shows no percentage, rate
// or remaining time.
func (r *Reporter) Phase(name string, total int64) *Phase {
	p := &Phase{reporter: r, name: name, total: total, started: time.Now(), stop: make(chan struct{})}
	if r != nil && r.out != nil {
		p.stopped.Go(p.show)
	}
	return p
}

// Add counts n more bytes as done.
func (p *Phase) Add(n int64) { p.done.Add(n) }

// Set sets the share of the total that is done: work of all, in any unit.
func (p *Phase) Set(work, all int64) {
	if all > 0 {
		p.done.Store(int64(float64(p.total) * float64(work) / float64(all)))
	}
}

// Stop ends the phase without a last line, for callers that print their own summary.
func (p *Phase) Stop() {
	close(p.stop)
	p.stopped.Wait()
	if p.shown != "" && p.reporter.width != nil {
		fmt.Fprint(p.reporter.out, clearLine)
	}
}

// End ends the phase; on success it leaves one line that sums it up.
func (p *Phase) End(err error) {
	p.Stop()
	if done := p.done.Load(); err == nil && done > 0 && p.reporter != nil && p.reporter.out != nil {
		took := time.Since(p.started)
		text := fmt.Sprintf("%s: %s in %s", p.name, bytesize.MB(done), round(took))
		if p.total > 0 {
			text += fmt.Sprintf(" (%s)", bytesize.Rate(done, took))
		}
		fmt.Fprintln(p.reporter.out, text)
	}
}

// clearLine returns to the start of a terminal's line and clears it (ECMA-48, EL).
const clearLine = "\r\x1b[K"

func (p *Phase) show() {
	tick := time.NewTicker(p.reporter.every)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.print(time.Since(p.started))
		}
	}
}

// print shows the progress if it has changed. End reports the end.
func (p *Phase) print(took time.Duration) {
	done := p.done.Load()
	if done == 0 || done == p.total {
		return
	}
	text := p.line(took)
	if p.reporter.width != nil {
		text = p.withBar(text, p.reporter.width())
	}
	if text == p.shown {
		return
	}
	p.shown = text
	if p.reporter.width != nil {
		fmt.Fprint(p.reporter.out, clearLine+text)
	} else {
		fmt.Fprintln(p.reporter.out, text)
	}
}

func (p *Phase) line(took time.Duration) string {
	done := p.done.Load()
	text := fmt.Sprintf("%s: %s", p.name, bytesize.MB(done))
	if p.total <= 0 {
		return text
	}
	perSecond := bytesize.PerSecond(done, took)
	text += fmt.Sprintf(" of %s, %d %%, %s", bytesize.MB(p.total), p.percent(), bytesize.Rate(done, took))
	if left := p.total - done; left > 0 && perSecond > 0 {
		text += fmt.Sprintf(", %s left", round(time.Duration(float64(left)/float64(perSecond)*float64(time.Second))))
	}
	return text
}

// percent is at most 100: a repeated transfer delivers more than the total.
func (p *Phase) percent() int64 { return min(p.done.Load()*100/p.total, 100) }

// withBar adds a bar if the terminal has room for one, and truncates the line to the terminal's width.
func (p *Phase) withBar(text string, width int) string {
	letters := []rune(text)
	room := min(width-len(letters)-4, 40)
	switch {
	case len(letters) >= width:
		return string(letters[:width-1])
	case p.total <= 0 || room < 10:
		return text
	}
	full := int(p.percent()) * room / 100
	return text + " [" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]"
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return max(d.Round(100*time.Millisecond), 100*time.Millisecond)
	}
	return d.Round(time.Second)
}
