package http1

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// announced reports whether the header of a body of so many bytes waits for it in the kernel, with MSG_MORE. Up to 60 KiB
// both pass through the machine as one packet, which has at most 64 KiB. A long body passes in whole packets if nothing is
// sent apart. A body between these sizes is faster, and takes less of the processors, if the client is woken early. -1: the size is not known.
func announced(size int64) bool {
	return size >= 0 && (size <= 60<<10 || size > 256<<10)
}

// sendMost is what one system call sends, so that other goroutines have their turn.
const sendMost = 256 << 10

// sendfile is sendfile(2); a test puts another in its place.
var sendfile = unix.Sendfile

// sendFile sends a part of a file. While it waits for the client it holds no buffer. The error is
// errors.ErrUnsupported where the file system cannot do it, and else as SendFile's.
func (c *conn) sendFile(f *os.File, offset, n int64) (sent int64, err error) {
	source, err := f.SyscallConn()
	if err != nil {
		return 0, &fs.PathError{Op: "sendfile", Path: f.Name(), Err: err}
	}
	// Within Control and Write the descriptors are what they were, even if somebody closes them.
	var failed, wait error
	control := source.Control(func(from uintptr) {
		wait = c.socket.raw.Write(func(to uintptr) bool {
			for sent < n {
				at := offset + sent
				count, fault := sendfile(int(to), int(from), &at, int(min(n-sent, sendMost)))
				switch {
				case fault == unix.EINTR:
				case fault == unix.EAGAIN:
					return false
				case fault == unix.EINVAL || fault == unix.ENOSYS || fault == unix.EOPNOTSUPP:
					failed = errors.ErrUnsupported
					return true
				case fault != nil && (fault == unix.EIO || unreadable(int(from), at)):
					failed = &fs.PathError{Op: "sendfile", Path: f.Name(), Err: fault}
					return true
				case fault != nil:
					failed = os.NewSyscallError("sendfile", fault)
					return true
				case count == 0:
					failed = io.ErrUnexpectedEOF
					return true
				default:
					sent += int64(count)
				}
			}
			return true
		})
	})
	if control != nil {
		control = &fs.PathError{Op: "sendfile", Path: f.Name(), Err: control}
	}
	return sent, cmp.Or(control, wait, failed)
}

// unreadable reports whether the file failed, not the connection: sendfile(2) does not say which.
func unreadable(file int, offset int64) bool {
	for {
		n, err := unix.Pread(file, make([]byte, 1), offset)
		if err != unix.EINTR {
			return n != 1
		}
	}
}
