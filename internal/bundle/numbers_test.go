package bundle

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// What import writes, export reads.
func TestNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		var numbers []int
		for n := 1; n < 40; n++ {
			if random.IntN(3) > 0 {
				numbers = append(numbers, n)
			}
		}
		if got, err := ParseNumbers(ranges(numbers)); err != nil || !slices.Equal(got, numbers) {
			t.Fatalf("%v is written as %s, and read as %v, %v", numbers, ranges(numbers), got, err)
		}
	}
	for _, text := range []string{"0", "-1", "3-2", "1,", "a", "1-", "1-2000000000", "1 2"} {
		if got, err := ParseNumbers(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
