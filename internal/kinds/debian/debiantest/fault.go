package debiantest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// A Fault makes a wrong answer out of the right one.
type Fault func(next http.Handler) http.Handler

// Status answers with a status code and no file. headers are pairs, for example
// "Retry-After", "1".
func Status(code int, headers ...string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			http.Error(w, http.StatusText(code), code)
		})
	}
}

// Redirect sends the client elsewhere; "" sends it back to where it came from, for ever.
func Redirect(to string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if to == "" {
				w.Header().Set("Location", r.URL.String())
			} else {
				w.Header().Set("Location", to)
			}
			w.WriteHeader(http.StatusFound)
		})
	}
}

// Replace answers 200 with other content, as a captive portal does.
func Replace(content []byte) Fault { return edit(func([]byte) []byte { return content }) }

// Flip changes one byte of the file; a negative offset counts from its end.
func Flip(offset int) Fault {
	return edit(func(body []byte) []byte {
		if offset < 0 {
			offset += len(body)
		}
		if offset >= 0 && offset < len(body) {
			body[offset] ^= 0x20
		}
		return body
	})
}

// Truncate answers with the first n bytes as if they were the whole file.
func Truncate(n int) Fault { return edit(func(body []byte) []byte { return body[:min(n, len(body))] }) }

// Append answers with more bytes than the file has.
func Append(text string) Fault {
	return edit(func(body []byte) []byte { return append(body, text...) })
}

// edit changes the whole file; ranges are not honoured.
func edit(change func(body []byte) []byte) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Header.Del("Range")
			answer := record(next, r)
			if answer.Code == http.StatusOK {
				answer.Body = bytes.NewBuffer(change(bytes.Clone(answer.Body.Bytes())))
				answer.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
			}
			begin(w, answer)
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
}

// Cut breaks the connection after n bytes of the answer, whose length is
// announced in full. Ranges are honoured, so a client that resumes gets on.
func Cut(n int) Fault {
	return body(func(w http.ResponseWriter, r *http.Request, data []byte) {
		_, _ = w.Write(data[:min(n, len(data))])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// Drip sends n bytes at a time with a pause after each.
func Drip(n int, pause time.Duration) Fault {
	return body(func(w http.ResponseWriter, r *http.Request, data []byte) {
		for len(data) > 0 {
			part := data[:min(n, len(data))]
			if _, err := w.Write(part); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			data = data[len(part):]
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
	})
}

// Hold sends n bytes, closes reached (unless it is nil) and sends the rest when
// release is closed; a nil release never is. It may hold several requests.
func Hold(n int, reached chan<- struct{}, release <-chan struct{}) Fault {
	once := make(chan struct{}, 1)
	once <- struct{}{}
	return body(func(w http.ResponseWriter, r *http.Request, data []byte) {
		n := min(n, len(data))
		_, _ = w.Write(data[:n])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-once:
			if reached != nil {
				close(reached)
			}
		default:
		}
		select {
		case <-release:
			_, _ = w.Write(data[n:])
		case <-r.Context().Done():
		}
	})
}

// NoLength answers without Content-Length, in chunks.
func NoLength() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			answer.Header().Del("Content-Length")
			begin(w, answer)
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
}

// body takes over how the right answer's bytes are sent.
func body(send func(w http.ResponseWriter, r *http.Request, data []byte)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			begin(w, answer)
			send(w, r, answer.Body.Bytes())
		})
	}
}

func record(next http.Handler, r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	return answer
}

// begin sends the answer's status and headers.
func begin(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
}
