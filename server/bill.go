package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/sbom"
	"github.com/minimirror/minimirror/server/answer"
)

// billPath is where the SBOM of the image is.
const billPath = "/sbom"

// serveBill answers with the SBOM of the image, whatever the rules say: it is about the image, and the same for everybody. It is made while it
// is sent; after a fault, the connection is broken, so that no client takes a part for the whole.
func (s *Server) serveBill(w http.ResponseWriter, r *http.Request) {
	format, err := billFormat(r)
	if err != nil {
		answer.Text(w, r, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	header := w.Header()
	header.Set("Content-Type", format.MediaType())
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", s.image.Catalog.Name+"."+format.Extension()))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Accept")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	subject, err := sbom.FromImage(r.Context(), s.image, s.kinds())
	if err != nil {
		for name := range header {
			delete(header, name)
		}
		s.fail(w, r, err)
		return
	}
	if err := subject.Write(r.Context(), w, format); err != nil {
		if unreadable(err) || errors.Is(err, artifact.ErrVerify) {
			s.pageFailed(r, err)
		}
		panic(http.ErrAbortHandler)
	}
}

// billFormat is the format that a client asks for: by its name, or by the first media type that it accepts.
func billFormat(r *http.Request) (sbom.Format, error) {
	if name := r.URL.Query().Get("format"); name != "" {
		return sbom.ParseFormat(name)
	}
	for _, accepted := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		accepted, _, _ = strings.Cut(accepted, ";")
		for _, f := range sbom.Formats {
			if strings.EqualFold(strings.TrimSpace(accepted), f.MediaType()) {
				return f, nil
			}
		}
	}
	return sbom.SPDX, nil
}
