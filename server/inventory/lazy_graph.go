package inventory

import (
	"context"
	"sync"

	"github.com/minimirror/minimirror/internal/needs"
)

// A lazyGraph is made for the first who wants it, and kept. The zero value is ready.
type lazyGraph struct {
	mu     sync.Mutex
	graph  *needs.Graph  // nil: nobody has asked yet
	making chan struct{} // closed when somebody has made it, or failed to; nil: nobody does
}

// get returns the graph. The first visitor makes it, whether or not they wait for the answer; others wait for
// it. After a failure the next one tries again.
func (l *lazyGraph) get(ctx context.Context, build func(context.Context) (*needs.Graph, error)) (*needs.Graph, error) {
	for {
		l.mu.Lock()
		if l.graph != nil {
			defer l.mu.Unlock()
			return l.graph, nil
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

func (l *lazyGraph) make(ctx context.Context, build func(context.Context) (*needs.Graph, error)) (g *needs.Graph, err error) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.making)
		l.graph, l.making = g, nil
	}()
	return build(ctx)
}
