package bytesize

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestMB(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "0 MB", 0: "0 MB", 1: "0.1 MB", 999: "0.1 MB", 149_999: "0.1 MB", 150_000: "0.2 MB", 949_999: "0.9 MB", 950_000: "1.0 MB", 31_457_280: "31.5 MB",
		999_949_999: "999.9 MB", 999_950_000: "1,000 MB", 126_200_000_000: "126,200 MB", 1_234_567_890_123: "1,234,568 MB",
	} {
		if got := MB(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	if got := Rate(5_000_000, 2*time.Second); got != "2.5 MB/s" {
		t.Error(got)
	}
	if got := PerSecond(5, 0); got != 0 {
		t.Error(got)
	}
}

func TestText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_500_000: "1.5 MB",
		1_000_000_000: "1.0 GB", math.MaxInt64: "9.2 EB"} {
		if got := Text(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1000": 1000, "500K": 500 << 10, "500k": 500 << 10, "2M": 2 << 20, "1.5M": 3 << 19, "1G": 1 << 30, "2T": 2 << 40, "1.": 1, "1024T": 1 << 50,
		"": 0, "K": 0, "-1": 0, "0": 0, "NaN": 0, "Inf": 0, "1e300": 0, "1e3": 0, "0x10": 0, "1_000": 0, "1025T": 0, "2P": 0, "2 M": 0, "0.1": 0, "2MB": 0, ".": 0, "fast": 0,
	} {
		got, err := Parse(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "500K") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.5M")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := Parse(text); err == nil && (n < 1 || n > maxParsed) {
			t.Errorf("%q: %d", text, n)
		}
	})
}
