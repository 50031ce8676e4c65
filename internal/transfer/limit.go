package transfer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseRate reads bytes per second: a number, also with a fraction, and K, M or
// G for 1024, 1024² or 1024³.
func ParseRate(text string) (int64, error) {
	number, unit := text, int64(1)
	if n := len(text); n > 0 {
		if power := strings.IndexByte("KMG", strings.ToUpper(text)[n-1]); power >= 0 {
			number, unit = text[:n-1], 1<<(10*(power+1))
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !(value > 0) || value*float64(unit) > math.MaxInt32*1024 || value*float64(unit) < 1 {
		return 0, fmt.Errorf("%q: want bytes per second, for example 500K or 2M", text)
	}
	return int64(value * float64(unit)), nil
}

// burst is what may come at once: enough for the buffers of a fast connection, and
// not much for a slow one.
func burst(rate int64) int { return int(min(max(rate/10, 512), 64<<10)) }
