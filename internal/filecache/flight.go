package filecache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A flight is a file on its way into the folder, or, after a restart, one there that is being verified.
type flight struct {
	cancel context.CancelFunc

	mu      sync.Mutex
	arrived int64         // bytes that may be given to readers
	ended   bool          // it has all, verified, or
	err     error         // it has failed
	changed chan struct{} // closed at the next change
}

// progress is how far the flight is.
func (f *flight) progress() (arrived int64, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.arrived, f.ended
}

// result is progress with the error of a flight that has ended.
func (f *flight) result() (arrived int64, ended bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.arrived, f.ended, f.err
}

// advance tells the readers how much there is.
func (f *flight) advance(arrived int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived = arrived
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flight) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.err = true, err
	close(f.changed)
	f.changed = make(chan struct{})
}

// wait waits until the file is verified, or, if so wanted, there are bytes behind an offset.
func (f *flight) wait(ctx context.Context, offset int64, verified bool) (arrived int64, ended bool, err error) {
	for {
		f.mu.Lock()
		arrived, ended, err = f.arrived, f.ended, f.err
		changed := f.changed
		f.mu.Unlock()
		if ended || !verified && arrived > offset {
			return arrived, ended, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, false, context.Cause(ctx)
		}
	}
}

// start begins a flight. The cache is locked.
func (c *Cache) start(e *entry, source Source) {
	ctx, cancel := context.WithCancel(c.ctx)
	e.flight = &flight{cancel: cancel, changed: make(chan struct{})}
	e.users++
	c.running.Add(1)
	known := !e.touched.IsZero()
	go func() {
		defer c.running.Done()
		defer cancel()
		err := c.fill(ctx, e, source, known)
		c.mu.Lock()
		c.settle(e, err)
		c.mu.Unlock()
		e.flight.end(err)
	}()
}

// settle notes the result of a flight. The cache is locked.
func (c *Cache) settle(e *entry, err error) {
	e.users--
	if err == nil {
		e.verified = true
	} else {
		c.remove(e)
	}
	if e.users == 0 {
		c.rest(e)
	}
}

// fill brings the file into the folder, and opens it.
func (c *Cache) fill(ctx context.Context, e *entry, source Source, known bool) error {
	select {
	case c.fetches <- struct{}{}:
		defer func() { <-c.fetches }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if known {
		err := c.check(ctx, e)
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.o.Log.Warn("a file of the cache was damaged, and is fetched again", "file", c.path(e), "error", err)
		os.Remove(c.path(e))
	}
	err := c.fetch(ctx, e, source)
	if errors.Is(err, artifact.ErrVerify) && ctx.Err() == nil {
		c.wrong()
		if arrived, _ := e.flight.progress(); arrived == 0 { // nobody has seen it: perhaps another address has it right
			if err = c.fetch(ctx, e, source); errors.Is(err, artifact.ErrVerify) {
				c.wrong()
			}
		}
	}
	return err
}

func (c *Cache) wrong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Wrong++
}

// check verifies a file that was in the folder at the start.
func (c *Cache) check(ctx context.Context, e *entry) error {
	file, err := os.Open(c.path(e))
	if err != nil {
		return err
	}
	sum, buffer := sha256.New(), buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	var size int64
	for err == nil {
		var n int
		n, err = file.Read(buffer[:])
		sum.Write(buffer[:n])
		size += int64(n)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err == io.EOF {
		err = agrees(e.File, size, sum.Sum(nil))
	}
	if err != nil {
		if errors.Is(err, artifact.ErrVerify) {
			c.wrong()
		}
		return errors.Join(err, file.Close())
	}
	c.setFile(e, file)
	return nil
}

func (c *Cache) setFile(e *entry, file *os.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.file = file
}

func agrees(want File, size int64, sum []byte) error {
	switch got := hex.EncodeToString(sum); {
	case size != want.Size:
		return artifact.Verifyf("size mismatch: got %d, want %d bytes", size, want.Size)
	case got != want.SHA256:
		return artifact.Verifyf("sha256 mismatch: got %s, want %s", got, want.SHA256)
	}
	return nil
}

// A diskError is that of the folder: the file can be had without it.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

// fetch brings the file from its source. Readers see what has arrived of a large one.
func (c *Cache) fetch(ctx context.Context, e *entry, source Source) error {
	body, err := source(ctx, false)
	if err != nil {
		return err
	}
	defer body.Close()
	return c.store(ctx, e, body)
}

// store writes a file that comes into the folder.
func (c *Cache) store(ctx context.Context, e *entry, body io.Reader) error {
	if err := c.reserve(e); err != nil {
		return err
	}
	file, err := c.create(e)
	if err != nil {
		return err
	}
	if err = c.copy(ctx, e, file, body); err == nil {
		err = c.keep(e, file)
	}
	if err == nil {
		return nil
	}
	os.Remove(file.Name())
	if arrived, _ := e.flight.progress(); arrived == 0 {
		c.setFile(e, nil)
		return errors.Join(err, file.Close())
	}
	return err
}

// keep gives the file its name.
func (c *Cache) keep(e *entry, file *os.File) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.file == nil { // readers of a large file have it
		e.file = file
	}
	if e.gone {
		return context.Canceled
	}
	if e.Size <= Whole {
		return nil
	}
	if err := os.Rename(file.Name(), c.path(e)); err != nil {
		return &diskError{fmt.Errorf("cache: %w", err)}
	}
	return nil
}

// create begins the file in the folder. It removes files that were used longest ago while the disk is full. A small file has its final name from
// the beginning: if this process ends before the file is complete, the next one notices when it verifies the file.
func (c *Cache) create(e *entry) (*os.File, error) {
	name, spare := c.path(e), ""
	c.mu.Lock()
	if e.Size > Whole {
		name = c.part(e)
	} else if last := len(c.spare) - 1; last >= 0 {
		spare, c.spare = c.spare[last], c.spare[:last]
	}
	c.mu.Unlock()
	if spare != "" {
		_ = os.Rename(spare, name) // otherwise a new one is made
	}
	for {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
		if err == nil && e.Size > Whole { // a small one is written at once
			err = unix.Fallocate(int(file.Fd()), 0, 0, e.Size)
			if err == unix.EOPNOTSUPP || err == unix.ENOSYS || err == unix.EINVAL {
				err = nil
			}
			if err != nil {
				file.Close()
				os.Remove(name)
			}
		}
		if err == nil {
			return file, nil
		}
		if !full(err) || !c.oldest() {
			c.o.Log.Warn("a file is passed on without being cached, because the cache cannot store it", "folder", c.o.Dir, "error", err)
			return nil, &diskError{fmt.Errorf("cache: %w", err)}
		}
	}
}

// copy writes what comes.
func (c *Cache) copy(ctx context.Context, e *entry, file *os.File, body io.Reader) error {
	if e.Size > Whole {
		c.setFile(e, file)
	}
	sum, buffer := sha256.New(), buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	var size int64
	read := body.Read
	if e.Size <= Whole { // nobody waits for the first bytes: in few pieces
		read = func(p []byte) (n int, err error) {
			for n < len(p) && err == nil {
				var more int
				more, err = body.Read(p[n:])
				n += more
			}
			return n, err
		}
	}
	for {
		n, err := read(buffer[:])
		if size+int64(n) > e.Size {
			return artifact.Verifyf("size mismatch: got more than %d bytes", e.Size)
		}
		if n > 0 {
			if _, failed := file.Write(buffer[:n]); failed != nil {
				if full(failed) {
					c.oldest() // so that the next file may fit
				}
				return &diskError{fmt.Errorf("cache: %w", failed)}
			}
			sum.Write(buffer[:n])
			size += int64(n)
			c.received(n)
			if e.Size > Whole {
				e.flight.advance(size)
			}
		}
		switch {
		case err == io.EOF:
			return agrees(e.File, size, sum.Sum(nil))
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

func (c *Cache) received(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Fetched += int64(n)
}

const bufferSize = 128 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}
