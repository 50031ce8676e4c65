package debiantest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Web is an artifact.Upstream without a cache: the plainest that can be.
type Web struct{}

func (Web) Ask(ctx context.Context, r artifact.Request) (*artifact.Answer, error) {
	err := error(fs.ErrNotExist)
	for _, u := range r.URLs {
		resp, getErr := http.Get(u)
		if getErr != nil {
			err = getErr
			continue
		}
		data, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			h := r.Want.Hasher()
			h.Write(data)
			if r.Want.Identified() {
				readErr = cmp.Or(readErr, r.Want.Verify(h.Sum()))
			}
			return &artifact.Answer{URL: u, Content: h.Sum(), Body: nopCloser{bytes.NewReader(data)}}, readErr
		}
	}
	return nil, err
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (w Web) Index(ctx context.Context, want artifact.Content, files []artifact.RemoteFile) (index artifact.Index, err error) {
	data, _, err := artifact.Get(ctx, w, artifact.Request{URLs: files[0].URLs, Limit: 1 << 30})
	if err != nil {
		return index, err
	}
	h := files[0].Hasher()
	h.Write(data)
	index.Data, index.Content = data, h.Sum()
	if err := files[0].Verify(index.Content); err != nil || files[0].Decode == nil {
		return index, err
	}
	r, err := files[0].Decode(bytes.NewReader(data))
	if err != nil {
		return index, err
	}
	defer r.Close()
	index.Data, err = io.ReadAll(r)
	return index, err
}

var (
	Today = DefaultDate.Add(time.Hour)
	Quiet = slog.New(slog.DiscardHandler)
)
