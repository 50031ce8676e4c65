package inventory

import (
	"context"
	"sync"
)

// A lazy value is made for the first who wants it, and kept. The zero value is ready.
type lazy[T any] struct {
	mu     sync.Mutex
	value  *T            // nil: nobody has asked yet
	making chan struct{} // closed when somebody has made it, or failed to; nil: nobody does
}

// get returns the value. The first visitor makes it, whether or not they wait for the answer; others wait for
// it. After a failure the next one tries again.
func (l *lazy[T]) get(ctx context.Context, build func(context.Context) (*T, error)) (*T, error) {
	for {
		l.mu.Lock()
		if l.value != nil {
			defer l.mu.Unlock()
			return l.value, nil
		}
		making := l.making
		if making == nil {
			l.making = make(chan struct{})
			l.mu.Unlock()
			return l.make(context.WithoutCancel(ctx), build)
		}
		l.mu.Unlock()
		select {
		case <-making:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *lazy[T]) make(ctx context.Context, build func(context.Context) (*T, error)) (g *T, err error) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.making)
		l.value, l.making = g, nil
	}()
	return build(ctx)
}
