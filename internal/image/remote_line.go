package image

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/filecache"
	"github.com/minimirror/minimirror/internal/transfer"
)

// RetryAfter is when a client may ask again for a file that a registry does not give.
const RetryAfter = 5 * time.Second

// probeEvery is how often a registry that is away is asked whether it is back.
const probeEvery = 2 * time.Second

// A line is the connection to a registry. After a failure that is the registry's, and not that of one file, nothing is asked of it but
// whether it is back: clients need not wait each for a failure of their own.
type line struct {
	log    *slog.Logger
	probe  func(ctx context.Context) error
	every  time.Duration
	ctx    context.Context
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu       sync.Mutex
	away     error
	since    time.Time
	failures int64
}

func newLine(log *slog.Logger, probe func(ctx context.Context) error) *line {
	l := &line{log: log, probe: probe, every: probeEvery}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// check returns why the registry is away, or nil.
func (l *line) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away
}

func (l *line) state() (away error, since time.Time, failures int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away, l.since, l.failures
}

// note takes the result of a read.
func (l *line) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures++
	if l.away != nil || !ofRegistry(err) || l.ctx.Err() != nil {
		return
	}
	l.away, l.since = err, time.Now()
	l.log.Error("the registry cannot be read: files that are not in the cache are answered with 503", "error", err)
	l.probes.Go(l.awaitRegistry)
}

// awaitRegistry asks until the registry answers.
func (l *line) awaitRegistry() {
	ticks := time.NewTicker(l.every)
	defer ticks.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticks.C:
		}
		err := l.probe(l.ctx)
		l.mu.Lock()
		if err != nil && ofRegistry(err) {
			l.away = err
			l.mu.Unlock()
			continue
		}
		took := time.Since(l.since)
		l.away = nil
		l.mu.Unlock()
		l.log.Info("the registry can be read again", "after", took.Round(time.Second))
		return
	}
}

func (l *line) close() {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.probes.Wait()
}

// ofRegistry reports whether an error is of the registry, and not of one file of it.
func ofRegistry(err error) bool {
	var status *transfer.StatusError
	if errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone || status.Status == http.StatusRequestedRangeNotSatisfiable) {
		return false
	}
	return !errors.Is(err, artifact.ErrVerify) && !errors.Is(err, errNoParts)
}

// An UnavailableError says that a file of an image in a registry cannot be read now. It is neither fs.ErrNotExist nor anything else that
// its cause is: the image has the file.
type UnavailableError struct {
	Path  string
	cause error
}

func unavailable(path string, err error) error { return &UnavailableError{path, err} }

func (e *UnavailableError) Error() string { return e.Path + ": " + e.cause.Error() }

// Gone reports whether the one who asked is not waiting any more.
func (e *UnavailableError) Gone() bool { return errors.Is(e.cause, context.Canceled) }

// Wrong reports whether the registry has sent other bytes than those of the image.
func (e *UnavailableError) Wrong() bool { return errors.Is(e.cause, artifact.ErrVerify) }

// A remoteFile is one that arrives. Its errors are UnavailableErrors.
type remoteFile struct {
	path string
	*filecache.Reader
}

func (f remoteFile) Span(offset, n int64) (file *os.File, have int64, err error) {
	if file, have, err = f.Reader.Span(offset, n); err != nil {
		err = unavailable(f.path, err)
	}
	return file, have, err
}

func (f remoteFile) ReadSome(p []byte, offset int64) (int, error) {
	n, err := f.Reader.ReadSome(p, offset)
	if err != nil {
		err = unavailable(f.path, err)
	}
	return n, err
}
