package server

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/image/catalog"
)

// send sends an open file. If reading it fails on the way, the client gets less than the header announces,
// and the connection is closed. private: some clients may not have it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, f *catalog.File, modified time.Time, content io.ReadSeeker, private bool) {
	if r.Method == http.MethodHead {
		if err := probe(content); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	e, _ := exchangeOf(r)
	if !sendWhole(e, r, f, modified, content, private) {
		header := w.Header()
		e.set(header, 0, "Etag", `"`+f.SHA256+`"`)
		e.set(header, 1, "X-Content-Type-Options", "nosniff")
		if header["Content-Type"] == nil {
			e.set(header, 2, "Content-Type", contentType(f))
		}
		e.set(header, 3, "Cache-Control", cacheControl(header, f, private))
		to := w
		if r.Header["Range"] != nil {
			to = &rangeWriter{ResponseWriter: w, size: f.Size, refuse: func(text string) {
				s.sendError(w, r, http.StatusRequestedRangeNotSatisfiable, text)
			}}
		}
		http.ServeContent(to, exactly(r, modified), "", modified, content)
	}
	if e.broken != nil {
		s.failed(e, f.Path, e.broken)
	}
}

// A rangeWriter takes the answer to a request for a range. http.ServeContent refuses a range in words of its own; the client gets an error as the server
// formats others.
type rangeWriter struct {
	http.ResponseWriter
	size    int64 // of the file
	refuse  func(text string)
	refused bool
}

func (w *rangeWriter) WriteHeader(code int) {
	if code != http.StatusRequestedRangeNotSatisfiable {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	w.refused = true
	w.refuse(fmt.Sprintf("The file has %d bytes, and none in the range that was requested.", w.size))
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom: see exchange.
func (w *rangeWriter) ReadFrom(src io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, src) }

// A fieldSetter takes formatted fields of the header: see http1.response.SetFields.
type fieldSetter interface {
	SetFields(fields []byte, size int64)
}

// sendWhole answers requests for a whole file without conditions, which are the most common ones, like http.ServeContent, but without a header map or
// garbage. For other requests it does nothing and returns false.
func sendWhole(e *exchange, r *http.Request, f *catalog.File, modified time.Time, content io.ReadSeeker, private bool) bool {
	whole, copies := content.(copier)
	if !copies || e.Response == nil || conditional(r.Header) {
		return false
	}
	w, able := e.Response.Writer.(fieldSetter)
	if !able {
		return false
	}
	b := append(e.fields[:0], "Accept-Ranges: bytes\r\n"...)
	if e.Header()["Content-Type"] == nil {
		b = appendField(b, "Content-Type: ", contentType(f))
	}
	b = appendField(b, "Cache-Control: ", cacheControl(e.Header(), f, private))
	b = append(b, "Etag: \""...)
	b = append(b, f.SHA256...)
	b = append(b, "\"\r\nLast-Modified: "...)
	b = appendDate(b, modified)
	b = append(b, "\r\nX-Content-Type-Options: nosniff\r\n"...)
	e.fields = b // the next request of the connection uses it again
	w.SetFields(b, f.Size)
	e.WriteHeader(http.StatusOK)
	if !e.head {
		e.pass(e.copyPieces(whole, f.Size))
	}
	return true
}

func appendField(b []byte, name, value string) []byte {
	return append(append(append(b, name...), value...), "\r\n"...)
}

// conditional reports whether a request is for a part, or depends on what the client has (RFC 9110, sections 13 and 14).
func conditional(header http.Header) bool {
	return header["Range"] != nil || header["If-Modified-Since"] != nil || header["If-None-Match"] != nil ||
		header["If-Range"] != nil || header["If-Match"] != nil || header["If-Unmodified-Since"] != nil
}

const days, months = "SunMonTueWedThuFriSat", "JanFebMarAprMayJunJulAugSepOctNovDec"

// appendDate appends a time as an HTTP date (RFC 9110, section 5.6.7), as http.TimeFormat has it, at a third of the cost.
func appendDate(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	weekday := 3 * int(t.Weekday())
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, http.TimeFormat)
	}
	b = append(b, days[weekday:weekday+3]...)
	b = append(b, ',', ' ', byte('0'+day/10), byte('0'+day%10), ' ')
	b = append(b, months[3*month-3:3*month]...)
	b = append(b, ' ', byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), ' ',
		byte('0'+hour/10), byte('0'+hour%10), ':', byte('0'+minute/10), byte('0'+minute%10), ':', byte('0'+second/10), byte('0'+second%10))
	return append(b, " GMT"...)
}
