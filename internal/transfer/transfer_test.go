package transfer

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 10_000)

func noWait(context.Context, time.Duration) error { return nil }

func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Wait == nil {
		o.Wait = noWait
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
}
