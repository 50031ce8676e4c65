// Package progress tells a person how long work goes on: a bar for each phase
// on a terminal, plain lines elsewhere. It knows bytes, rate and remaining time.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"
)

// Reporter begins phases. The zero value reports nothing.
type Reporter struct {
	out      io.Writer
	terminal bool
	every    time.Duration
}

// To reports on f: a bar when f is a terminal, else a line every two seconds.
func To(f *os.File) *Reporter {
	return &Reporter{f, term.IsTerminal(int(f.Fd())), 2 * time.Second}
}

// A Phase is a piece of work whose size in bytes is known. Its methods may be
// called from several goroutines.
type Phase struct {
	reporter *Reporter
	name     string
	total    atomic.Int64
	done     atomic.Int64
	started  time.Time
	bar      *pb.ProgressBar
	stop     chan struct{}
	stopped  sync.WaitGroup
}

const template = `{{string . "name"}} {{counters . }} {{bar . "[" "=" ">" " " "]"}} {{percent . }} {{speed . "%s/s"}} {{rtime . "%s left"}}`

// Phase begins a phase of total bytes (0: not yet known).
func (r *Reporter) Phase(name string, total int64) *Phase {
	p := &Phase{reporter: r, name: name, started: time.Now(), stop: make(chan struct{})}
	p.total.Store(total)
	switch {
	case r == nil || r.out == nil:
	case r.terminal:
		p.bar = pb.New64(total).SetWriter(r.out).Set(pb.Bytes, true).Set(pb.CleanOnFinish, true).SetTemplateString(template).Set("name", name)
		p.bar.Start()
	default:
		p.stopped.Go(p.lines)
	}
	return p
}

// Add counts n more bytes as done.
func (p *Phase) Add(n int64) {
	done := p.done.Add(n)
	if p.bar != nil {
		p.bar.SetCurrent(done)
	}
}

// Set says how much is done of how much.
func (p *Phase) Set(done, total int64) {
	p.done.Store(done)
	p.total.Store(total)
	if p.bar != nil {
		p.bar.SetTotal(total).SetCurrent(done)
	}
}

// End ends the phase; on success it leaves one line that sums it up.
func (p *Phase) End(err error) {
	close(p.stop)
	p.stopped.Wait()
	if p.bar != nil {
		p.bar.Finish()
	}
	if err == nil && p.reporter != nil && p.reporter.out != nil && p.done.Load() > 0 {
		took := time.Since(p.started)
		fmt.Fprintf(p.reporter.out, "%s: %s in %s (%s/s)\n", p.name, Bytes(p.done.Load()), round(took), Bytes(rate(p.done.Load(), took)))
	}
}

func (p *Phase) lines() {
	tick := time.NewTicker(p.reporter.every)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			if p.done.Load() == 0 && p.total.Load() == 0 {
				continue
			}
			fmt.Fprintln(p.reporter.out, p.line(time.Since(p.started)))
		}
	}
}

func (p *Phase) line(took time.Duration) string {
	done, total := p.done.Load(), p.total.Load()
	perSecond := rate(done, took)
	text := fmt.Sprintf("%s: %s", p.name, Bytes(done))
	if total > 0 {
		text += " of " + Bytes(total)
	}
	text += fmt.Sprintf(", %s/s", Bytes(perSecond))
	if left := total - done; left > 0 && perSecond > 0 {
		text += fmt.Sprintf(", %s left", round(time.Duration(float64(left)/float64(perSecond)*float64(time.Second))))
	}
	return text
}

func rate(n int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(n) / d.Seconds())
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// Bytes writes a size for people: 1 kB is 1,000 bytes.
func Bytes(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}
