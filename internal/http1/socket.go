package http1

import (
	"cmp"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket reads and writes a plain TCP connection with system calls that bypass Go's scheduler. On a non-blocking socket such a call takes
// microseconds, and the runtime's preparations for a call that might block take as long again.
type socket struct {
	raw  syscall.RawConn
	more int // MSG_MORE, or 0
	p    []byte
	n    int // bytes that the last call has moved
	err  error

	send, receive func(fd uintptr) bool // made once
}

func newSocket(raw syscall.RawConn) *socket {
	s := &socket{raw: raw}
	s.send, s.receive = s.trySend, s.tryReceive
	return s
}

// write sends p; flags are those of send(2).
func (s *socket) write(p []byte, flags int) (int, error) {
	s.p, s.n, s.more, s.err = p, 0, flags, nil
	wait := s.raw.Write(s.send)
	s.p = nil
	return s.n, cmp.Or(wait, s.err)
}

func (s *socket) trySend(fd uintptr) bool {
	for len(s.p) > 0 {
		n, _, fault := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.p))), uintptr(min(len(s.p), sendMost)), uintptr(s.more|unix.MSG_NOSIGNAL), 0, 0)
		switch fault {
		case 0:
			s.n += int(n)
			s.p = s.p[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.err = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("send", fault)}
			return true
		}
	}
	return true
}

// Read implements io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.p, s.n, s.err = p, 0, nil
	wait := s.raw.Read(s.receive)
	s.p = nil
	if err := cmp.Or(wait, s.err); err != nil {
		return 0, err
	}
	if s.n == 0 {
		return 0, io.EOF
	}
	return s.n, nil
}

func (s *socket) tryReceive(fd uintptr) bool {
	for {
		n, _, fault := syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.p))), uintptr(len(s.p)), 0, 0, 0)
		switch fault {
		case 0:
			s.n = int(n)
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			s.err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("recv", fault)}
		}
		return true
	}
}
