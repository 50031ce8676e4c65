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
	if got, want := p.line(2*time.Second), "fetch: 1.0 MB of 4.0 MB, 500.0 kB/s, 6s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.Set(0, 0)
	if got, want := p.line(time.Second), "fetch: 0 B, 0 B/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
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
	if !strings.HasPrefix(out.String(), "two: 10 B in ") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", &out)
	}
	var none *Reporter
	none.Phase("three", 1).End(nil)
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 31_457_280: "31.5 MB", 126_200_000_000: "126.2 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
