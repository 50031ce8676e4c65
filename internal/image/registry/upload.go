package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// chunkSize is how much of a blob is kept in memory, in bytes, to send it again when an upload is cut. Smaller blobs are sent at once.
const chunkSize = 8 << 20

// An upload is a blob on its way: "Pushing blobs".
type upload struct {
	repository *Repository
	address    transfer.Address // of the next request
	at         int64            // bytes that the registry has confirmed
	least      int64            // bytes of a chunk, as the registry wants
}

// PutBlob stores a blob, which r sends to its end. Content with another digest or size is not stored: artifact.ErrVerify. An upload that is cut
// continues where the registry has come to, if it says so.
func (r *Repository) PutBlob(ctx context.Context, b Blob, body io.Reader) error {
	wanted, err := algorithmOf(b)
	if err != nil {
		return err
	}
	in := &checked{Reader: body, wanted: wanted, size: b.Size, hash: wanted.Algorithm().Hash()}
	first := make([]byte, min(chunkSize, b.Size))
	if _, err := io.ReadFull(in, first); err != nil {
		return in.cut(err)
	}
	if b.Size == int64(len(first)) {
		if err := in.end(); err != nil {
			return err
		}
		return r.putWhole(ctx, b, first)
	}
	var u *upload
	if err := r.host.client.Retry(ctx, func() (bool, error) { u, err = r.begin(ctx, nil); return false, err }); err != nil {
		return err
	}
	if u.least > chunkSize {
		return u.stream(ctx, b, first, in)
	}
	chunk := first
	for {
		err := u.chunk(ctx, chunk)
		if err != nil && u.at == 0 && unsupported(err) {
			u.cancel(ctx)
			if err := r.host.client.Retry(ctx, func() (bool, error) { u, err = r.begin(ctx, nil); return false, err }); err != nil {
				return err
			}
			return u.stream(ctx, b, first, in)
		}
		if err != nil {
			return u.failed(ctx, err)
		}
		if u.at == b.Size {
			break
		}
		chunk = first[:min(chunkSize, b.Size-u.at)]
		if _, err := io.ReadFull(in, chunk); err != nil {
			return u.failed(ctx, in.cut(err))
		}
	}
	if err := in.end(); err != nil {
		return u.failed(ctx, err)
	}
	return u.finish(ctx, b)
}

// begin begins an upload. nil: the blob is there already, mounted.
func (r *Repository) begin(ctx context.Context, query url.Values) (*upload, error) {
	address, err := r.writable("/blobs/uploads/")
	if err != nil {
		return nil, err
	}
	if address.URL, err = withQuery(address.URL, query); err != nil {
		return nil, err
	}
	u := &upload{repository: r, address: address}
	answer, err := r.host.client.Send(ctx, transfer.Sending{Address: address, Method: http.MethodPost})
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode == http.StatusCreated && query != nil:
		return nil, nil
	case answer.StatusCode != http.StatusAccepted:
		return nil, artifact.Verifyf("%s: the server answers %s to the beginning of an upload, instead of 202 Accepted", artifact.Redacted(address.URL), answer.Status)
	}
	u.least, _ = strconv.ParseInt(answer.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	return u, u.follow(answer, true)
}

// follow goes to the address that an answer names for the next request. What the user has set for the registry is not sent to another host.
func (u *upload) follow(answer *http.Response, must bool) error {
	location := answer.Header.Get("Location")
	if location == "" && !must {
		return nil
	}
	base, err := url.Parse(u.address.URL)
	if err != nil {
		return err
	}
	next, err := base.Parse(location)
	if err != nil || location == "" || next.Host == "" {
		return artifact.Verifyf("%s: the server names no address to continue the upload at: %q", artifact.Redacted(u.address.URL), artifact.Printable(location))
	}
	next.User, next.Fragment = base.User, ""
	switch {
	case next.Host == base.Host:
		next.Scheme = base.Scheme // behind a proxy, a registry may not know that it is reached over TLS
	case next.Scheme != "https" && (next.Scheme != "http" || base.Scheme != "http"):
		return artifact.Verifyf("%s: the server sends the upload to %s", artifact.Redacted(u.address.URL), artifact.Redacted(next.Scheme+"://"+next.Host))
	default:
		u.address.Header = make(http.Header)
	}
	u.address.URL = next.String()
	return nil
}

// chunk sends the next bytes. After a failure, the registry says how many of them it has.
func (u *upload) chunk(ctx context.Context, data []byte) error {
	begin, asks := u.at, false
	return u.client().Retry(ctx, func() (progress bool, err error) {
		was := u.at
		if asks {
			if err := u.status(ctx); err != nil {
				return false, err
			}
			if u.at < begin || u.at > begin+int64(len(data)) {
				return false, fmt.Errorf("the registry has %d bytes of an upload after it confirmed %d", u.at, begin)
			}
		}
		if rest := data[u.at-begin:]; len(rest) > 0 {
			asks = true
			var answer *http.Response
			if answer, err = u.send(ctx, http.MethodPatch, nil, bytes.NewReader(rest), int64(len(rest)), u.at); err == nil {
				u.at += int64(len(rest))
				if at, is := rangeEnd(answer.Header); is && at != u.at {
					return false, artifact.Verifyf("the registry has %d bytes of an upload instead of %d", at, u.at)
				}
			}
		}
		return u.at > was, err
	})
}

// status asks how much the registry has: "GET /v2/<name>/blobs/uploads/<reference>".
func (u *upload) status(ctx context.Context) error {
	answer, err := u.client().Send(ctx, transfer.Sending{Address: u.address, Method: http.MethodGet})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("the registry does not know the upload any more: %w", transfer.Present(err))
		}
		return err
	}
	at, is := rangeEnd(answer.Header)
	if !is {
		return fmt.Errorf("%s: the registry does not say how much of the upload it has", artifact.Redacted(u.address.URL))
	}
	u.at = at
	return u.follow(answer, false)
}

// rangeEnd is how many bytes of an upload an answer confirms. "0-0" means one byte or none: a registry that has nothing may send it.
func rangeEnd(h http.Header) (int64, bool) {
	from, last, found := strings.Cut(strings.TrimPrefix(h.Get("Range"), "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !found || from != "0" || err != nil || n < 0 {
		return 0, false
	}
	if n == 0 {
		return 0, true
	}
	return n + 1, true
}

// send makes a request of the upload. offset of the body; negative: it is the whole blob.
func (u *upload) send(ctx context.Context, method string, query url.Values, body io.Reader, size, offset int64) (*http.Response, error) {
	address := u.address
	address.Header = address.Header.Clone()
	if body != nil {
		address.Header.Set("Content-Type", "application/octet-stream")
	}
	if offset >= 0 {
		address.Header.Set("Content-Range", fmt.Sprintf("%d-%d", offset, offset+size-1))
	}
	var err error
	if address.URL, err = withQuery(address.URL, query); err != nil {
		return nil, err
	}
	answer, err := u.client().Send(ctx, transfer.Sending{Address: address, Method: method, Body: body, Size: size})
	if err != nil {
		return nil, err
	}
	if method == http.MethodPatch {
		if answer.StatusCode != http.StatusAccepted {
			return nil, artifact.Verifyf("%s: the server answers %s to a chunk, instead of 202 Accepted", artifact.Redacted(address.URL), answer.Status)
		}
		return answer, u.follow(answer, true)
	}
	return answer, nil
}

// finish ends the upload: now the registry computes the digest.
func (u *upload) finish(ctx context.Context, b Blob) error {
	tried := false
	return u.client().Retry(ctx, func() (bool, error) {
		if tried { // the answer may have been lost
			if there, err := u.repository.HasBlob(ctx, b); err != nil || there {
				return false, err
			}
		}
		tried = true
		return false, u.put(ctx, b, nil, 0)
	})
}

// put is the last request of an upload.
func (u *upload) put(ctx context.Context, b Blob, body io.Reader, size int64) error {
	answer, err := u.send(ctx, http.MethodPut, url.Values{"digest": {b.Digest}}, body, size, -1)
	if err == nil && answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusNoContent {
		err = artifact.Verifyf("%s: the server answers %s to a blob, instead of 201 Created", artifact.Redacted(u.address.URL), answer.Status)
	}
	return err
}

// putWhole sends a small blob at once.
func (r *Repository) putWhole(ctx context.Context, b Blob, data []byte) error {
	tried := false
	return r.host.client.Retry(ctx, func() (bool, error) {
		if tried {
			if there, err := r.HasBlob(ctx, b); err != nil || there {
				return false, err
			}
		}
		tried = true
		u, err := r.begin(ctx, nil)
		if err != nil {
			return false, err
		}
		return false, u.put(ctx, b, bytes.NewReader(data), b.Size)
	})
}

// stream sends the whole blob with one request, to a registry that takes no chunks. It cannot continue when that is cut.
func (u *upload) stream(ctx context.Context, b Blob, first []byte, rest *checked) error {
	err := u.put(ctx, b, io.MultiReader(bytes.NewReader(first), rest), b.Size)
	if rest.failed != nil { // the reader's error, which ended the request
		return rest.failed
	}
	if err == nil {
		err = rest.end()
	}
	return err
}

// unsupported reports whether a registry may take the blob with one request, though it refuses a chunk.
func unsupported(err error) bool {
	var status *transfer.StatusError
	if !errors.As(err, &status) {
		return false
	}
	switch status.Status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusLengthRequired, http.StatusUnsupportedMediaType, http.StatusRequestedRangeNotSatisfiable, http.StatusNotImplemented:
		return true
	}
	return false
}

// failed ends an upload that cannot be completed. What broke for a while may be cleared away by the registry alone.
func (u *upload) failed(ctx context.Context, err error) error {
	var passing *transfer.Temporary
	if !errors.As(err, &passing) && ctx.Err() == nil {
		u.cancel(ctx)
	}
	return err
}

// cancel tells the registry to forget the upload.
func (u *upload) cancel(ctx context.Context) {
	u.client().Send(ctx, transfer.Sending{Address: u.address, Method: http.MethodDelete}) //nolint:errcheck // it forgets the upload by itself
}

func (u *upload) client() *transfer.Client { return u.repository.host.client }

func withQuery(address string, query url.Values) (string, error) {
	u, err := url.Parse(address)
	if err != nil || len(query) == 0 {
		return address, err
	}
	all := u.Query()
	for key, values := range query {
		all[key] = values
	}
	u.RawQuery = all.Encode()
	return u.String(), nil
}

// A checked reader verifies what it reads.
type checked struct {
	io.Reader
	wanted digest.Digest
	size   int64
	hash   hash.Hash
	n      int64
	failed error // what the reader itself has said
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p[:min(int64(len(p)), max(c.size-c.n, 1))])
	c.hash.Write(p[:n])
	switch c.n += int64(n); {
	case c.n > c.size:
		err = artifact.Verifyf("%s: more than its %d bytes", c.wanted, c.size)
	case err == io.EOF && c.n < c.size:
		err = artifact.Verifyf("%s: cut off: %d of %d bytes", c.wanted, c.n, c.size)
	case (err == nil || err == io.EOF) && c.n == c.size && n > 0: // before the last byte is sent
		if got := digest.NewDigest(c.wanted.Algorithm(), c.hash); got != c.wanted {
			err = artifact.Verifyf("%s: digest mismatch: the content has %s", c.wanted, got)
		}
	}
	if err != nil && err != io.EOF {
		c.failed = err
		return 0, err
	}
	return n, err
}

// cut is the error of a reader that ended early.
func (c *checked) cut(err error) error {
	if c.failed != nil {
		return c.failed
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return artifact.Verifyf("%s: cut off: %d of %d bytes", c.wanted, c.n, c.size)
	}
	return err
}

// end wants that nothing follows, and that all is right.
func (c *checked) end() error {
	if n, err := io.ReadFull(c.Reader, make([]byte, 1)); n > 0 {
		return artifact.Verifyf("%s: more than its %d bytes", c.wanted, c.size)
	} else if err != io.EOF {
		return err
	}
	if got := digest.NewDigest(c.wanted.Algorithm(), c.hash); got != c.wanted {
		return artifact.Verifyf("%s: digest mismatch: the content has %s", c.wanted, got)
	}
	return nil
}
