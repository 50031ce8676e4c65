package http1

import (
	"cmp"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// copied is the size of a body above which it is read and written, and not sent by sendfile(2). See BenchmarkSend:
// within a machine sendfile is the slower one for what no socket's buffer holds.
const copied = 1 << 20

// announced is the size of a body up to which its header waits for it in the kernel: both pass through the machine as one
// packet, which has at most 64 KiB. For what is longer that costs more than it saves.
const announced = 60 << 10

// sendMost is what one system call sends, so that other goroutines have their turn.
const sendMost = 256 << 10

var copies = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// announce sends what a part of a file follows. The kernel waits with it for the file, so that the client is
// woken once.
func (c *conn) announce(p []byte) error {
	var failed error
	wait := c.raw.Write(func(to uintptr) bool {
		for len(p) > 0 {
			n, fault := unix.SendmsgN(int(to), p, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch fault {
			case nil:
				p = p[n:]
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failed = os.NewSyscallError("send", fault)
				return true
			}
		}
		return true
	})
	return cmp.Or(wait, failed)
}

// sendFile sends a part of a file. While it waits for the client it holds no buffer.
func (c *conn) sendFile(f *os.File, offset, n int64, copying bool) (sent int64, err error) {
	source, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	// Within Control and Write the descriptors are what they were, even if somebody closes them.
	var failed, wait error
	control := source.Control(func(from uintptr) {
		wait = c.raw.Write(func(to uintptr) bool {
			for sent < n {
				var count int
				var fault error
				at, size := offset+sent, min(n-sent, sendMost)
				if copying {
					count, fault = copyOnce(int(to), int(from), at, size)
				} else {
					count, fault = unix.Sendfile(int(to), int(from), &at, int(size))
				}
				switch {
				case fault == unix.EINTR:
				case fault == unix.EAGAIN:
					return false
				case !copying && (fault == unix.EINVAL || fault == unix.ENOSYS || fault == unix.EOPNOTSUPP):
					copying = true // not by this file system
				case fault != nil:
					failed = os.NewSyscallError("send", fault)
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
	return sent, cmp.Or(control, wait, failed)
}

// copyOnce sends at most n bytes of a file that begin at offset.
func copyOnce(to, from int, offset, n int64) (int, error) {
	buffer := copies.Get().(*[64 << 10]byte)
	defer copies.Put(buffer)
	read, err := unix.Pread(from, buffer[:min(n, int64(len(buffer)))], offset)
	if err != nil || read == 0 {
		return 0, err
	}
	return unix.SendmsgN(to, buffer[:read], nil, nil, unix.MSG_NOSIGNAL)
}
