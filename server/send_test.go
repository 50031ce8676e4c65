package server

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// Whatever the date, it is written as the standard library would.
func TestAppendDate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.Unix(random.Int64N(400_000_000_000)-100_000_000_000, random.Int64N(1e9)).In(time.FixedZone("", random.IntN(80_000)-40_000))
		if got, want := string(appendDate(nil, at)), at.UTC().Format(http.TimeFormat); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}
