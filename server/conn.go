package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/minimirror/minimirror/internal/image"
)

// A conn is a client's connection. net/http writes the header, and then the body; held back, the
// header leaves with a small body in one write(2), or in one packet with the beginning of a large one.
//
// It is no other type to net/http, which sends files by sendfile(2) on all that implement io.ReaderFrom.
type conn struct {
	*net.TCPConn
	// For the goroutine that answers:
	holding bool
	held    []byte
}

const (
	// oneWrite is the largest body, in bytes, that is copied behind its header: that takes less than sendfile(2) does.
	oneWrite = 16 << 10
	mostHeld = 8 << 10 // bytes
)

// answers are room for what leaves in one write.
var answers = sync.Pool{New: func() any { return new([mostHeld + oneWrite]byte) }}

type connKey struct{}

// connOf is the connection that a request came on; nil over TLS, where what is written is not what is sent.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// send copies n bytes of a section to the answer on this connection, whose header it holds back until they come.
func (c *conn) send(w io.Writer, section *image.Section, n int64) (int64, error) {
	c.holding = true
	sent, err := io.Copy(w, &io.LimitedReader{R: section, N: n})
	c.holding = false
	if len(c.held) > 0 { // nothing came
		_, failed := c.Write(nil)
		err = errors.Join(err, failed)
	}
	return sent, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.holding && len(c.held)+len(p) <= mostHeld {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if len(c.held) == 0 {
		return c.TCPConn.Write(p)
	}
	held := len(c.held)
	n, err := c.TCPConn.Write(append(c.held, p...))
	c.held = c.held[:0]
	return max(0, n-held), err
}

// ReadFrom implements io.ReaderFrom, with which net/http sends what it gets from a handler.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	limited, section := limitedSection(src)
	if section != nil && limited.N <= oneWrite {
		return c.sendSmall(limited, section)
	}
	if len(c.held) > 0 {
		held := c.held
		c.held = c.held[:0]
		if err := sendMore(c.TCPConn, held); err != nil {
			return 0, err
		}
	}
	if section == nil {
		return c.TCPConn.ReadFrom(src)
	}
	n, err := section.CopyTo(c.TCPConn, limited.N)
	limited.N -= n
	return n, err
}

// sendSmall sends what is held and a small body at once.
func (c *conn) sendSmall(limited *io.LimitedReader, section *image.Section) (int64, error) {
	buffer := answers.Get().(*[mostHeld + oneWrite]byte)
	defer answers.Put(buffer)
	held := copy(buffer[:], c.held)
	c.held = c.held[:0]
	n, err := io.ReadFull(section, buffer[held:held+int(limited.N)])
	limited.N -= int64(n)
	sent, failed := c.TCPConn.Write(buffer[:held+n])
	return int64(max(0, sent-held)), errors.Join(err, failed)
}
