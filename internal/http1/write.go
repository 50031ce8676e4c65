package http1

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if err := w.admit(int64(len(p))); err != nil {
		return 0, err
	}
	w.sent += int64(len(p))
	if w.bodyless() {
		return len(p), nil
	}
	if !w.framed {
		if w.size < 0 && len(w.out)+len(p) <= bufferSize-framing {
			w.out = append(w.out, p...)
			return len(p), nil
		}
		w.frame()
	}
	w.push(p)
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// framing is room for the fields that frame appends, and for a chunk's marks.
const framing = 256

// admit reports whether n more bytes of body may come.
func (w *response) admit(n int64) error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return w.err
	case w.bodyless() && !w.head:
		return http.ErrBodyNotAllowed
	case w.size >= 0 && n > w.size-w.sent:
		return http.ErrContentLength
	}
	return nil
}

// push adds a part of the body to what is to be sent, and sends what is too much to gather.
func (w *response) push(p []byte) {
	if len(p) == 0 || w.err != nil {
		return
	}
	if w.chunked {
		w.out = append(strconv.AppendInt(w.out, int64(len(p)), 16), "\r\n"...)
	}
	if len(w.out)+len(p) > bufferSize-framing {
		w.flush(true)
	}
	if len(p) > bufferSize-framing {
		w.transmit(p, w.sent < w.size)
	} else {
		w.out = append(w.out, p...)
	}
	if w.chunked {
		w.out = append(w.out, "\r\n"...)
	}
}

// flush sends what was gathered; with more the rest of the answer follows at once.
func (w *response) flush(more bool) {
	w.transmit(w.out, more)
	w.out = w.out[:0]
}

func (w *response) transmit(p []byte, more bool) {
	if !w.timed {
		w.timed = true
		w.err = cmp.Or(w.err, w.conn.writing.within(time.Now(), w.conn.server.AnswerTime))
	}
	switch {
	case w.err != nil || len(p) == 0:
	case w.conn.socket != nil:
		flags := 0
		if more && announced(w.size) { // the kernel waits for the rest with a packet that is not full, for 200 ms at most
			flags = unix.MSG_MORE
		}
		_, w.err = w.conn.socket.write(p, flags)
	default:
		_, w.err = w.conn.stream.Write(p)
	}
}

// FlushError implements what http.ResponseController.Flush looks for.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.frame()
	w.flush(false)
	if tcp, ok := w.conn.net.(*net.TCPConn); ok && w.err == nil && announced(w.size) {
		w.err = tcp.SetNoDelay(true) // as it is already: tcp(7) promises that what waits is sent
	}
	return w.err
}

// SetWriteDeadline implements what http.ResponseController looks for. The deadline may be early by a 16th of the time that is left.
func (w *response) SetWriteDeadline(at time.Time) error {
	w.timed = true
	if at.IsZero() { // never
		w.conn.writing.at = at
		return w.conn.writing.set(at)
	}
	now := time.Now()
	return w.conn.writing.within(now, at.Sub(now))
}

// SendFile sends n bytes of a file, from an offset on, as a part of the body. The file's own position is
// neither used nor moved. It returns how many were sent; with less than n there is an error: io.ErrUnexpectedEOF where
// the file is too short, an *fs.PathError if it cannot be read, another error if the client does not accept it. After an
// error nothing more is sent, and the connection is closed.
func (w *response) SendFile(f *os.File, offset, n int64) (int64, error) {
	if err := w.admit(n); err != nil {
		return 0, err
	}
	if w.bodyless() {
		w.sent += n
		return n, nil
	}
	var sent int64
	var err error
	if w.size < 0 { // chunks
		sent, err = io.Copy(onlyWriter{w}, io.NewSectionReader(f, offset, n))
	} else {
		w.frame()
		sent, err = w.send(f, offset, n)
		w.sent += sent
	}
	if err == nil && sent < n {
		err = io.ErrUnexpectedEOF
	}
	w.err = err
	return sent, err
}

// onlyWriter hides all else.
type onlyWriter struct{ io.Writer }

// send sends a part of a file in the way that is cheapest for its size.
func (w *response) send(f *os.File, offset, n int64) (int64, error) {
	if n <= int64(cap(w.out)-len(w.out)) {
		if read, err := f.ReadAt(w.out[len(w.out):len(w.out)+int(n)], offset); int64(read) < n {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err // do not send what was read
		}
		w.out = w.out[:len(w.out)+int(n)]
		return n, nil
	}
	w.flush(true)
	w.release()
	sent, err := int64(0), w.err
	if w.conn.socket != nil && err == nil {
		sent, err = w.conn.sendFile(f, offset, n)
	} else if err == nil {
		err = errors.ErrUnsupported
	}
	if err == errors.ErrUnsupported {
		var rest int64
		rest, err = io.Copy(onlyWriter{w.conn.stream}, io.NewSectionReader(f, offset+sent, n-sent))
		sent += rest
	}
	return sent, err
}
