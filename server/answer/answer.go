// Package answer writes short answers that are made for one request: pages, JSON, errors as text. No cache may keep them, and
// characters that hide or change what people read are escaped: see artifact.Printable. Package server sends files without it.
package answer

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Text answers with plain text.
func Text(w http.ResponseWriter, r *http.Request, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	Send(w, r, code, []byte(text))
}

// Send answers with text, whose Content-Type the caller has set. A HEAD request gets the header only.
//
// No cache keeps the answer. It may depend on the client's address, its login, the Host that it requested or
// X-Forwarded-* headers, and caches do not distinguish these.
func Send(w http.ResponseWriter, r *http.Request, code int, text []byte) {
	body := artifact.Printable(string(text))
	header := w.Header()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if r.Method != http.MethodHead { // no bytes to count
		io.WriteString(w, body)
	}
}

// Quote shortens a path or a name that a client has sent, and escapes its control characters.
func Quote(text string) string {
	const enough = 200
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	quoted := fmt.Sprintf("%q", text)
	return artifact.Printable(quoted[1 : len(quoted)-1])
}
