package image

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeSpace is the number of bytes that may be written in dir: most of the free space.
func freeSpace(dir string) int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Bavail > math.MaxInt64/uint64(max(fs.Bsize, 1)) {
		return math.MaxInt64
	}
	return int64(fs.Bavail) * fs.Bsize / 10 * 9
}
