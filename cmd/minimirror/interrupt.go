package main

import (
	"context"
	"time"
)

// interruptGrace is how long a verb may take to end after a signal. One that waits for what never comes, a name server, a
// file system, somebody who types, is left then: whatever it was at, the same command goes on from there.
const interruptGrace = 1500 * time.Millisecond

// interruptible runs a verb until it ends, or until it has had its time after the end of ctx and nothing of it must be finished.
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

// finish says that what the verb does until the returned function is called ends by itself after a signal, and must not be left:
// downloads that may finish, an installation at work.
func (c *command) finish() (done func()) {
	c.finishing.RLock()
	return c.finishing.RUnlock
}
