package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever is asked for, the answer says which part of the content it has.
func FuzzRanges(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-0", "bytes=5-,-7", "bytes=6-5", "items=0-5", "bytes=99999999999999999999-", "Bytes=1-2 , 3-4", "bytes=-", "=", ""} {
		f.Add(seed)
	}
	const content = "0123456789abcdef"
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", header)
		w := httptest.NewRecorder()
		http.ServeContent(w, exactly(r, time.Time{}), "", time.Time{}, strings.NewReader(content))
		got := w.Header().Get("Content-Range")
		switch w.Code {
		case http.StatusOK:
			if w.Body.String() != content {
				t.Errorf("%q: %q", header, w.Body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
			if got != "bytes */16" {
				t.Errorf("%q: %d, %q", header, w.Code, got)
			}
		case http.StatusPartialContent:
			part := w.Body.String()
			if strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/") {
				return
			}
			if at := strings.Index(content, part); part == "" || at < 0 || !strings.HasPrefix(got, "bytes ") {
				t.Errorf("%q: %q, %q", header, got, part)
			}
		default:
			t.Errorf("%q: %d", header, w.Code)
		}
		if r.Header.Get("Range") != header {
			t.Errorf("%q: the request is another: %q", header, r.Header.Get("Range"))
		}
	})
}
