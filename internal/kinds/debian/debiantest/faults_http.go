package debiantest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
)

// Edit answers with the file as change makes it; ranges are not honoured.
func Edit(change func(body []byte) []byte) Fault { return edit(change) }

// Encode compresses the file on its way and says so, as some proxies do without
// being asked.
func Encode() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Header.Del("Range")
			answer := record(next, r)
			var packed bytes.Buffer
			packer := gzip.NewWriter(&packed)
			_, _ = packer.Write(answer.Body.Bytes())
			_ = packer.Close()
			answer.Header().Set("Content-Encoding", "gzip")
			answer.Header().Set("Content-Length", strconv.Itoa(packed.Len()))
			begin(w, answer)
			_, _ = w.Write(packed.Bytes())
		})
	}
}

// Portal answers everything with a web page and 200.
func Portal() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!DOCTYPE html><html><body>Please log in.</body></html>")
		})
	}
}

// Ranges breaks the connection after n bytes of the whole file; a request for the
// rest is answered with all of it ("ignored"), with another part ("shifted"), or
// with 416 ("refused").
func Ranges(n int, how string) Fault {
	return func(next http.Handler) http.Handler {
		whole, shifted := Edit(func(body []byte) []byte { return body })(next), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Header.Set("Range", "bytes=1-")
			next.ServeHTTP(w, r)
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Range") == "":
				Cut(n)(next).ServeHTTP(w, r)
			case how == "ignored":
				whole.ServeHTTP(w, r)
			case how == "shifted":
				shifted.ServeHTTP(w, r)
			default:
				http.Error(w, "no such range", http.StatusRequestedRangeNotSatisfiable)
			}
		})
	}
}

// Login answers 401 to all but the user with the password.
func Login(user, password string) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="archive"`)
				http.Error(w, "who is there?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Hangup closes the connection without an answer.
func Hangup() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}
}
