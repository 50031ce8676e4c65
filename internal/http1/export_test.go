package http1

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// WithoutSendfile makes sendfile(2) fail, as some file systems do, once it has sent n bytes.
func WithoutSendfile(t *testing.T, n int64) {
	left := atomic.Int64{}
	left.Store(n)
	sendfile = func(to, from int, offset *int64, count int) (int, error) {
		if left.Load() <= 0 {
			return 0, unix.EINVAL
		}
		sent, err := unix.Sendfile(to, from, offset, min(count, int(left.Load())))
		left.Add(-int64(max(sent, 0)))
		return sent, err
	}
	t.Cleanup(func() { sendfile = unix.Sendfile })
}

// WithFaultyDisk makes sendfile(2) fail as on a disk that cannot read, once it has sent n bytes.
func WithFaultyDisk(t *testing.T, n int) {
	sendfile = func(to, from int, offset *int64, count int) (int, error) {
		if *offset >= int64(n) {
			return 0, unix.EIO
		}
		return unix.Sendfile(to, from, offset, min(count, n-int(*offset)))
	}
	t.Cleanup(func() { sendfile = unix.Sendfile })
}
