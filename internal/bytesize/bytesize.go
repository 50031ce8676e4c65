// Package bytesize writes numbers of bytes for people, and reads those that people write. It is the only place of this program that
// does. It imports nothing of it.
//
// What is written is in units of 1000 (kB, MB: IEC 80000-13), as disks and networks are sold. What is read is in units of 1024,
// as wget and curl read K, M and G.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MB writes a size in MB (1,000,000 bytes), whatever its size, so that two sizes can be compared at a
// glance: with one decimal below 1,000 MB. Only 0 is less than 0.1 MB.
func MB(n int64) string {
	switch tenths := (n + 50_000) / 100_000; {
	case n <= 0:
		return "0 MB"
	case tenths < 1:
		return "0.1 MB"
	case tenths < 10_000:
		return fmt.Sprintf("%d.%d MB", tenths/10, tenths%10)
	}
	text := fmt.Sprint((n + 500_000) / 1_000_000)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text + " MB"
}

// Rate writes how fast n bytes came in some time, in MB per second.
func Rate(n int64, took time.Duration) string { return MB(PerSecond(n, took)) + "/s" }

// PerSecond is how many of n bytes came in each second; 0 if that took no time.
func PerSecond(n int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(n) / took.Seconds())
}

// Text writes a size in the unit that suits it: "1 byte", "21 bytes", "1.5 kB", "3.2 GB".
func Text(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	}
	const units = "kMGTPE"
	size, unit := float64(n)/1000, 0
	for size >= 999.95 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", size, units[unit])
}

// maxParsed is more than any use of Parse has use for; what is less fits into an int64 and into a float64 exactly.
const maxParsed = 1 << 50

// Parse reads a number of bytes, at least one: "1500", "500K", "1.5M" or "2G", in which K, M, G and T are 1024, 1024², 1024³ and 1024⁴ bytes.
func Parse(text string) (int64, error) {
	number, unit := text, int64(1)
	if n := len(text); n > 0 {
		if power := strings.IndexByte("KMGT", strings.ToUpper(text)[n-1]); power >= 0 {
			number, unit = text[:n-1], 1<<(10*(power+1))
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if value *= float64(unit); err != nil || strings.Trim(number, "0123456789.") != "" || math.IsNaN(value) || value < 1 || value > maxParsed {
		return 0, fmt.Errorf("%q is not a number of bytes: write it like 1500, 500K, 2M or 1.5G", text)
	}
	return int64(value), nil
}
