package main

import (
	"context"
	"time"
)

// interruptGrace is how long a verb may take to end after a signal. The program then exits, because the verb may be waiting for a
// name server, a file system or a user that never answers. The same command later continues from there.
const interruptGrace = 1500 * time.Millisecond

// interruptible runs a verb until it ends, or until interruptGrace after the end of ctx if no finish is pending.
func (c *command) interruptible(ctx context.Context, verb func() error) error {
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		time.Sleep(interruptGrace)
		c.finishing.Lock()
		close(left)
	})
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- verb() }()
	select {
	case err := <-ended:
		return err
	case <-left:
		return context.Cause(ctx)
	}
}

// finish marks work that ends by itself after a signal and must not be cut short, such as the last downloads or a running installation.
// Call the returned function when the work is done.
func (c *command) finish() (done func()) {
	c.finishing.RLock()
	return c.finishing.RUnlock
}
