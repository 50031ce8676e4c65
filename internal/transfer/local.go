package transfer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A localTransport answers requests for addresses that need no connection: those of files, of parts of files (artifact.Part), and those that
// contain the bytes themselves ("data:", RFC 2397). No server can redirect to these: see checkRedirect.
type localTransport struct{}

// isLocal reports whether the address needs no connection.
func isLocal(u *url.URL) bool { return u.Scheme == "file" || u.Scheme == "data" }

// RoundTrip implements http.RoundTripper.
func (localTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var found opened
	if r.URL.Scheme == "data" {
		data, err := parseData(r.URL)
		if err != nil {
			return nil, &settingsError{err}
		}
		found.file = &dataFile{bytes.NewReader(data), int64(len(data))}
	} else {
		part, err := artifact.OpenPart(r.URL.Path, r.URL.Fragment)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			found.err = err
		case err != nil:
			return nil, &settingsError{err}
		default:
			found.file = &partFile{part}
		}
	}
	plain := r.Clone(r.Context())
	plain.URL = &url.URL{Scheme: "file", Path: "/content"} // a file server redirects index.html
	return http.NewFileTransport(found).RoundTrip(plain)
}

// opened is a file system with one file, which is open.
type opened struct {
	file http.File
	err  error // instead
}

// Open implements http.FileSystem.
func (o opened) Open(string) (http.File, error) { return o.file, o.err }

// A partFile is a part of a file that looks like a file.
type partFile struct{ *artifact.OpenedPart }

func (p *partFile) Readdir(int) ([]fs.FileInfo, error) { return nil, fs.ErrInvalid }

func (p *partFile) Stat() (fs.FileInfo, error) {
	info, err := p.File.Stat()
	return resized{info, p.Size()}, err
}

// resized is what is known of a file, but for its size.
type resized struct {
	fs.FileInfo
	size int64
}

func (r resized) Size() int64 { return r.size }

// A dataFile is a file in memory.
type dataFile struct {
	*bytes.Reader
	size int64
}

func (d *dataFile) Close() error                       { return nil }
func (d *dataFile) Readdir(int) ([]fs.FileInfo, error) { return nil, fs.ErrInvalid }

func (d *dataFile) Stat() (fs.FileInfo, error) {
	return dataInfo{d.size}, nil
}

// parseData returns the bytes that an address holds: "data:TYPE;base64,BYTES", or escaped, without ";base64". The type says nothing here.
func parseData(u *url.URL) ([]byte, error) {
	about, text, found := strings.Cut(u.Opaque, ",")
	if !found || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("not a valid data: address (RFC 2397)")
	}
	text, err := url.PathUnescape(text)
	if err != nil {
		return nil, errors.New("not a valid data: address (RFC 2397): a wrong escape")
	}
	if !strings.HasSuffix(about, ";base64") {
		return []byte(text), nil
	}
	data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding.Strict(), strings.NewReader(text)))
	if err != nil {
		return nil, errors.New("not a valid data: address (RFC 2397): wrong base64")
	}
	return data, nil
}

// A dataInfo is what is known of a file in memory.
type dataInfo struct{ size int64 }

func (dataInfo) Name() string       { return "data" }
func (d dataInfo) Size() int64      { return d.size }
func (dataInfo) Mode() fs.FileMode  { return 0o444 }
func (dataInfo) ModTime() time.Time { return time.Time{} }
func (dataInfo) IsDir() bool        { return false }
func (dataInfo) Sys() any           { return nil }
