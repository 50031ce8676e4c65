package transfer

import (
	"net/http"
	"testing"
)

// FuzzHeaders gives what servers say to all that reads it.
func FuzzHeaders(f *testing.F) {
	f.Add("bytes 100-199/200", "3", int64(100), int64(200))
	f.Add("bytes 5-199/*", "Fri, 31 Dec 9999 23:59:59 GMT", int64(5), int64(-1))
	f.Fuzz(func(t *testing.T, contentRange, after string, at, size int64) {
		h := http.Header{"Content-Range": {contentRange}, "Retry-After": {after}}
		if wait := retryAfter(h); wait < 0 || wait > longest {
			t.Fatalf("%q: %s", after, wait)
		}
		if total, is := continues(&http.Response{StatusCode: 206, Header: h}, at, 0, size); is && at >= 0 && (total >= 0 && at >= total || size >= 0 && total != size) {
			t.Fatalf("%q goes on at byte %d of %d", contentRange, at, size)
		}
	})
}
