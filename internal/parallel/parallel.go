// Package parallel runs a function for each number of a range, a few at a time.
package parallel

import (
	"errors"

	"golang.org/x/sync/errgroup"
)

// Each calls f for 0 to n-1, at most limit at a time, and waits for all. If some fail, the others still run. Each returns all
// errors, joined in the order of the numbers: the result does not depend on which call ends first.
func Each(n, limit int, f func(i int) error) error {
	failures := make([]error, n)
	var group errgroup.Group
	group.SetLimit(limit)
	for i := range n {
		group.Go(func() error {
			failures[i] = f(i)
			return nil
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
