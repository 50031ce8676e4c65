package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits bound what clients can take of the server. A zero value means the default.
type Limits struct {
	Connections int           // at once; more wait. Default: 10,000, or what open files allow
	PerClient   int           // at once from one address; more are answered 503. Default: three quarters of all
	HeaderTime  time.Duration // to send a request's header. Default: 30 s
	HeaderSize  int           // bytes. Default: 32 KiB
	Idle        time.Duration // between requests of one connection. Default: 2 min
	Slowest     int64         // bytes/s that a client must take, after a minute. Default: 1,024
}

func (l Limits) orDefaults() Limits {
	set := func(v *int, usual int) {
		if *v <= 0 {
			*v = usual
		}
	}
	set(&l.Connections, usualConnections())
	set(&l.PerClient, max(1, l.Connections*3/4))
	set(&l.HeaderSize, 32<<10)
	if l.HeaderTime <= 0 {
		l.HeaderTime = 30 * time.Second
	}
	if l.Idle <= 0 {
		l.Idle = 2 * time.Minute
	}
	if l.Slowest <= 0 {
		l.Slowest = 1024
	}
	return l
}

// usualConnections leaves some of the process's open files for other things.
func usualConnections() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return 1000
	}
	return int(min(10_000, max(16, (max(files.Cur, 64)-64)/2))) // a download has a file, too
}

// A Limiter counts connections, of all clients and of each.
type Limiter struct {
	Limits
	room    chan struct{} // holds one for each connection
	mu      sync.Mutex
	clients map[netip.Addr]*atomic.Int32
}

// NewLimiter makes a Limiter of limits, with the defaults where they are zero.
func NewLimiter(l Limits) *Limiter {
	l = l.orDefaults()
	return &Limiter{Limits: l, room: make(chan struct{}, l.Connections), clients: map[netip.Addr]*atomic.Int32{}}
}

// Listen makes a listener that accepts a connection only when there is room for one. It hands out connections as they are: files are
// sent past their Write.
func (l *Limiter) Listen(n net.Listener) net.Listener {
	ctx, cancel := context.WithCancel(context.Background())
	return &limitedListener{n, l.room, ctx.Done(), cancel}
}

// A limitedListener accepts connections while there is room.
type limitedListener struct {
	net.Listener
	room   chan struct{}
	closed <-chan struct{}
	cancel func()
}

func (r *limitedListener) Close() error {
	r.cancel()
	return r.Listener.Close()
}

func (r *limitedListener) Accept() (net.Conn, error) {
	select {
	case <-r.closed: // while there is no room
		return nil, net.ErrClosed
	case r.room <- struct{}{}: // Limiter.Closed takes it out again
	}
	c, err := r.Listener.Accept()
	if err != nil {
		<-r.room
	}
	return c, err
}

type crowdKey struct{}

// Opened counts a connection; its requests get the context. It implements http1.Server.Context.
func (l *Limiter) Opened(ctx context.Context, c net.Conn) context.Context {
	address := AddressOf(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	count := l.clients[address]
	if count == nil {
		count = new(atomic.Int32)
		l.clients[address] = count
	}
	count.Add(1)
	return context.WithValue(ctx, crowdKey{}, count)
}

// Closed stops counting a connection. It implements http1.Server.Closed.
func (l *Limiter) Closed(c net.Conn) {
	<-l.room
	address := AddressOf(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	if count := l.clients[address]; count != nil && count.Add(-1) <= 0 {
		delete(l.clients, address)
	}
}

// AddressOf is the address at the other end of a connection.
func AddressOf(c net.Conn) netip.Addr {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return a.Addr().Unmap()
}

// Crowded reports whether the client of a request has too many connections.
func (l *Limiter) Crowded(r *http.Request) bool {
	count, ok := r.Context().Value(crowdKey{}).(*atomic.Int32)
	return ok && count != nil && int(count.Load()) > l.PerClient
}
