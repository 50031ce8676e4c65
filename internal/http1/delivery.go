package http1

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// delivered reports whether the client's machine has acknowledged all that was written (SIOCOUTQ of tcp(7)). The kernel
// goes on sending what it has not after the program's end, but not after the end of a container's network.
func (c *conn) delivered() bool {
	tcp, ok := c.net.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	var waiting int
	var failed error
	if err := raw.Control(func(fd uintptr) { waiting, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil || failed != nil {
		return true // closed
	}
	return waiting == 0
}

// awaitDelivery waits, while the server shuts down, until the client's machine has everything.
func (c *conn) awaitDelivery() {
	for c.server.closing.Load() && c.server.ctx.Err() == nil && !c.delivered() {
		time.Sleep(10 * time.Millisecond)
	}
}

// Gone reports whether the client has closed its side of the connection, or the connection is lost, even if unread data is left
// (POLLRDHUP of poll(2)). A client that has only closed its side may still read an answer.
func (w *response) Gone() (gone bool) {
	tcp, ok := w.conn.net.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(poll, 0)
		gone = err == nil && n > 0
	})
	return gone || err != nil
}
