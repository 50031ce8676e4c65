package progress

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	p := (&Reporter{}).Phase("fetch", 4_000_000)
	p.Add(1_000_000)
	if got, want := p.line(2*time.Second), "fetch: 1.0 MB of 4.0 MB, 25 %, 0.5 MB/s, 6s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.Add(4_000_000)
	if got, want := p.line(2*time.Second), "fetch: 5.0 MB of 4.0 MB, 100 %, 2.5 MB/s"; got != want {
		t.Errorf("more than the total: %q, want %q", got, want)
	}
	p.Set(3, 8) // as when each byte is read twice
	if got, want := p.line(time.Second), "fetch: 1.5 MB of 4.0 MB, 37 %, 1.5 MB/s, 1.7s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.End(nil)
}

// Of an unknown total nothing follows.
func TestUnknownTotal(t *testing.T) {
	var out strings.Builder
	p := (&Reporter{out: &out, every: time.Hour}).Phase("read", 0)
	p.Add(1_000_000)
	p.Set(1, 0)
	if got, want := p.line(time.Second), "read: 1.0 MB"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := p.withBar(p.line(time.Second), 200); got != "read: 1.0 MB" {
		t.Errorf("on a terminal: %q", got)
	}
	p.End(nil)
	if strings.ContainsAny(out.String(), "%(/") || !strings.HasPrefix(out.String(), "read: 1.0 MB in ") {
		t.Errorf("%q", &out)
	}
}

// Nothing is shown twice: not a line that says the same as the one before, nor the whole beside the sum.
func TestOnce(t *testing.T) {
	for name, width := range map[string]func() int{"plain": nil, "terminal": func() int { return 80 }} {
		var out strings.Builder
		p := (&Reporter{out: &out, every: time.Hour, width: width}).Phase("fetch", 4_000_000)
		p.print(time.Second)
		p.Add(1_000_000)
		p.print(time.Second)
		p.print(time.Second)
		p.Add(3_000_000)
		p.print(2 * time.Second)
		p.End(nil)
		if got := strings.Count(out.String(), "fetch: "); got != 2 {
			t.Errorf("%s: %d lines: %q", name, got, &out)
		}
		if width == nil && strings.Contains(out.String(), "\r") {
			t.Errorf("%s: %q", name, &out)
		}
	}
}

func TestBar(t *testing.T) {
	p := (&Reporter{}).Phase("fetch", 100)
	p.Add(50)
	for width, want := range map[int]string{
		200: "x [" + strings.Repeat("=", 20) + strings.Repeat(" ", 20) + "]",
		15:  "x [=====     ]",
		14:  "x", 2: "x", 1: "",
	} {
		if got := p.withBar("x", width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
	p.End(nil)
}

func TestEnd(t *testing.T) {
	var out strings.Builder
	r := &Reporter{out: &out, every: time.Hour}
	failed := r.Phase("one", 10)
	failed.Add(5)
	failed.End(errors.New("x"))
	if out.Len() > 0 {
		t.Errorf("a phase that failed sums up: %q", &out)
	}
	done := r.Phase("two", 10)
	done.Add(10)
	done.End(nil)
	if !strings.HasPrefix(out.String(), "two: 0.1 MB in ") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", &out)
	}
	var none *Reporter
	none.Phase("three", 1).End(nil)
}
