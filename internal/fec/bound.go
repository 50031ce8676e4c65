package fec

import "math"

// unlikely is how likely it may be that losses at random, of no more than the declared share, are too many for one codeword of a bundle or of a stream.
const unlikely = 1e-6

// tail bounds the probability that more than most of n blocks are lost, if each is with the probability p; or if n blocks are drawn from many
// of which the share p is lost (W. Hoeffding, Probability inequalities for sums of bounded random variables, 1963, theorem 1 and section 6).
func tail(n, most int, p float64) float64 {
	a := float64(most+1) / float64(n)
	switch {
	case a > 1, p <= 0:
		return 0
	case a <= p:
		return 1
	case a == 1:
		return math.Pow(p, float64(n))
	}
	return math.Exp(-float64(n) * (a*math.Log(a/p) + (1-a)*math.Log((1-a)/(1-p))))
}

// enough is the smallest number so that hardly ever more of n blocks are lost, in any of so many codewords.
func enough(n int, p float64, codewords float64) int {
	low, high := 0, n
	for low < high {
		if middle := (low + high) / 2; tail(n, middle, p)*codewords <= unlikely {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
