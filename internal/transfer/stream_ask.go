package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ask sends the request for what is missing.
func (s *Stream) ask() error {
	w := s.ways[s.at]
	if s.valid != w {
		s.validator = ""
	}
	r := Request{Address: w.Address, From: s.position, Validator: s.validator, Fresh: s.d.Fresh, Head: s.d.Head}
	switch {
	case s.partial():
		if r.To = s.d.To; w.whole {
			return s.noRange()
		}
	case s.position > 0 && (w.whole || s.validator == "" && s.d.Verify == nil):
		if err := s.restart(); err != nil {
			return err
		}
		r.From, r.Validator = 0, ""
	}
	s.skip = 0
	if r.From == 0 {
		s.skip = s.position
	}
	if err := s.enter(w.host); err != nil {
		return err
	}
	resp, err := s.client.Do(s.ctx, r)
	if !tooMany(err) {
		s.yield()
	}
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusRequestedRangeNotSatisfiable && (r.From > 0 || r.To > 0) {
			w.whole = true
			if s.partial() {
				return s.noRange()
			}
			err = &Temporary{err, 0}
		}
		if status != nil && status.Status == http.StatusNotModified && w.Header.Get("If-None-Match") != "" {
			s.header = status.Header
			err = ErrNotModified
		}
		s.drop()
		return err
	}
	s.resp, s.header, s.odd, s.base = resp, resp.Header, odd(resp), resp.Request.URL.String()
	if err := s.begin(r); err != nil {
		s.drop()
		return err
	}
	s.answers++
	s.validator, s.valid = validator(resp), w
	return nil
}

// begin checks what an answer says about itself.
func (s *Stream) begin(r Request) error {
	w, resp := s.ways[s.at], s.resp
	if what := encoded(resp); what != "" && s.d.Verify == nil {
		return artifact.Verifyf("%s: it can't be used: %s", artifact.Redacted(w.URL), what)
	}
	if resp.StatusCode == http.StatusPartialContent {
		s.announced = s.position - s.d.From + max(resp.ContentLength, 0)
		if total, is := continues(resp, r.From, r.To, s.d.Size); is {
			if s.end < 0 {
				s.end = total
			}
			return nil
		}
		if w.bad++; w.bad >= badRanges {
			w.whole = true
			if s.partial() {
				return s.noRange()
			}
		}
		return &Temporary{fmt.Errorf("%s: asked to go on at byte %d, the server sends %q", artifact.Redacted(w.URL), r.From, resp.Header.Get("Content-Range")), 0}
	}
	s.announced = max(resp.ContentLength, 0)
	switch {
	case s.partial():
		w.whole = true
		return s.noRange()
	case s.d.Size >= 0 && resp.ContentLength >= 0 && resp.ContentLength != s.d.Size:
		err := artifact.Verifyf("size mismatch: the server announces %d bytes, want %d", resp.ContentLength, s.d.Size)
		if s.odd != "" {
			err = artifact.Verifyf("%w (%s)", err, s.odd)
		}
		return fmt.Errorf("%s: %w", artifact.Redacted(w.URL), err)
	case r.From > 0: // a server without ranges, or another file by now
		return s.restart()
	}
	return nil
}

func (s *Stream) noRange() error {
	s.drop()
	return fmt.Errorf("%s: %w", artifact.Redacted(s.URL()), ErrNoRange)
}

// restart goes back to the beginning of the file.
func (s *Stream) restart() error {
	s.validator = ""
	if s.d.Restart == nil {
		s.skip = s.position
		return nil
	}
	s.position, s.answers, s.skip = 0, 0, 0
	if s.d.Size < 0 {
		s.end = s.d.Size
	}
	if err := s.d.Restart(); err != nil {
		return &readerError{err}
	}
	return nil
}

// A readerError is of who reads, and no fault of an address.
type readerError struct{ error }

func (e *readerError) Unwrap() error { return e.error }

// again decides what follows a failure: nil, if something does.
func (s *Stream) again(err error) error {
	s.drop()
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	var mine *readerError
	if errors.As(err, &mine) {
		return mine.error
	}
	if err == ErrNotModified {
		return err
	}
	w := s.ways[s.at]
	s.client.o.Log.Debug("transfer failed", "error", err)
	gained := s.position - s.mark
	s.mark = max(s.mark, s.position)
	var passing *Temporary
	temporary := errors.As(err, &passing)
	if temporary && gained >= progress {
		s.patience = newPatience()
	}
	if temporary && passing.After == 0 && gained > 0 && gained >= s.goodPart() {
		return nil
	}
	s.failures[w.place] = err
	if silent := (*noAnswer)(nil); errors.As(err, &silent) {
		w.host.down.Store(true)
	}
	if s.at++; s.at < len(s.ways) {
		return nil
	}
	return s.nextRound()
}

// goodPart is so much that getting it again and again comes to an end soon.
func (s *Stream) goodPart() int64 {
	size := s.end - s.d.From
	if s.end < 0 {
		size = s.announced
	}
	return min(max(size/20, 1), much)
}

// nextRound waits, and begins anew with the addresses that had a passing trouble.
func (s *Stream) nextRound() error {
	var alive []*way
	after := longest
	for _, w := range s.ways {
		var passing *Temporary
		if errors.As(s.failures[w.place], &passing) {
			alive = append(alive, w)
			after = min(after, passing.After)
		}
	}
	s.at = 0
	if len(alive) == 0 {
		s.yield()
		return Joined(s.failures)
	}
	if w := alive[0]; len(s.ways) == 1 && tooMany(s.failures[w.place]) && !s.lead(w.host) {
		return nil // ask waits for the leader
	}
	pause, more := s.patience.pause(after)
	if !more {
		s.yield()
		for _, w := range alive {
			w.host.unreachable.Store(w.host.down.Load())
		}
		return Joined(s.failures)
	}
	s.ways = alive
	err := s.client.o.Wait(s.ctx, pause)
	if err != nil {
		s.yield()
	}
	return err
}

// finish ends a stream that has everything, or begins anew if that is wrong.
func (s *Stream) finish() error {
	more := false
	if s.resp != nil {
		n, _ := s.resp.Body.Read(make([]byte, 1)) // after the end, the connection can serve again
		more = n > 0 && s.resp.ContentLength < 0 && s.d.Verify != nil
	}
	s.drop()
	if s.d.Verify == nil {
		return io.EOF
	}
	err := s.d.Verify()
	if more {
		err = artifact.Verifyf("size mismatch: the server sends more than %d bytes", s.end)
	}
	if err == nil {
		return io.EOF
	}
	if s.odd != "" {
		err = artifact.Verifyf("%w (%s)", err, s.odd)
	}
	if s.d.Restart == nil {
		return err
	}
	mixed := s.answers > 1 // perhaps of two files: not even a validator is a promise
	if failed := s.restart(); failed != nil {
		return failed
	}
	if mixed {
		s.ways[s.at].whole = true
		return nil
	}
	return s.again(fmt.Errorf("%s: %w", artifact.Redacted(s.URL()), err))
}

// drop ends the answer that is being read.
func (s *Stream) drop() {
	if s.resp != nil {
		s.resp.Body.Close()
		s.resp = nil
	}
	if s.entered != nil {
		s.entered.leave()
		s.entered = nil
	}
}

// Close implements io.Closer.
func (s *Stream) Close() error {
	s.drop()
	s.yield()
	if s.failed == nil {
		s.failed = errors.New("read after it was closed")
	}
	return nil
}

// Bytes reads a file of at most limit bytes into memory, and returns the header of the answer that it came with and its address.
func (c *Client) Bytes(ctx context.Context, d Download, limit int64, verify func(data []byte) error) (data []byte, header http.Header, from string, err error) {
	d.Restart = func() error {
		data = nil
		return nil
	}
	if verify != nil {
		d.Verify = func() error { return verify(data) }
	}
	s := c.Open(ctx, d)
	defer s.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := s.Read(buffer)
		if data = append(data, buffer[:n]...); int64(len(data)) > limit {
			return nil, nil, "", fmt.Errorf("%s: larger than %d bytes", artifact.Redacted(s.URL()), limit)
		}
		if err == io.EOF {
			return data, s.header, s.URL(), nil
		}
		if err != nil {
			return nil, nil, "", err
		}
	}
}
