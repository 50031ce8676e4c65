package server

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/minimirror/minimirror/internal/image"
)

// A response is echo's, which hides that the connection reads from a file by sendfile(2).
type response struct{ *echo.Response }

// Unwrap implements what http.ResponseController and echo look for.
func (r response) Unwrap() http.ResponseWriter { return r.Response }

// ReadFrom implements io.ReaderFrom. Of a limited section, as http.ServeContent
// copies one, the connection gets the file behind it.
func (r response) ReadFrom(src io.Reader) (n int64, err error) {
	if !r.Committed {
		r.WriteHeader(r.Status)
	}
	if limited, section := limitedSection(src); section != nil {
		n, err = section.CopyTo(r.Response.ResponseWriter, limited.N)
		limited.N -= n
	} else {
		n, err = io.Copy(r.Response.ResponseWriter, src)
	}
	r.Size += n
	return n, err
}

func limitedSection(src io.Reader) (*io.LimitedReader, *image.Section) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return nil, nil
	}
	section, _ := limited.R.(*image.Section)
	return limited, section
}
