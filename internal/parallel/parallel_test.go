package parallel

import (
	"fmt"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	var running, most atomic.Int64
	called := make([]bool, 50)
	err := Each(len(called), 3, func(i int) error {
		if now := running.Add(1); now > 3 {
			most.Store(now)
		}
		defer running.Add(-1)
		called[i] = true
		if i%20 == 7 {
			return fmt.Errorf("number %d", i)
		}
		return nil
	})
	if want := "number 7\nnumber 27\nnumber 47"; err == nil || err.Error() != want {
		t.Errorf("got %v, want all errors in order: %s", err, want)
	}
	for i, done := range called {
		if !done {
			t.Errorf("%d was not called", i)
		}
	}
	if most.Load() > 0 {
		t.Errorf("%d calls at a time, want at most 3", most.Load())
	}
	if err := Each(0, 3, nil); err != nil {
		t.Error(err)
	}
}
