package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

const fetchSteps = 128 << 10 // bytes that are read at once

// A Delivery receives the content of one file. Fetch finally calls either Commit or Abort.
type Delivery interface {
	io.Writer
	// Commit says that the content is complete and has the digest from the catalog.
	Commit() error
	// Abort says that the written content must be discarded.
	Abort()
}

// Fetch delivers each file once, in any order, several at the same time. It calls deliver when a file begins,
// and again if the content was wrong the first time. The error is artifact.ErrVerify if it was wrong twice.
//
// Adjacent files in a layer are read with one request. A layer that can only be read from its start
// is read once, as far as needed.
func (r *Reader) Fetch(ctx context.Context, files []catalog.File, deliver func(f catalog.File) (Delivery, error)) error {
	if r.layers == nil {
		return r.fetchTree(ctx, files, deliver)
	}
	clusters, err := r.clusters(files)
	if err != nil {
		return err
	}
	f := &fetching{reader: r, deliver: deliver}
	if err := f.parts(ctx, groups(clusters)); err != nil {
		return err
	}
	if err := f.readWholeLayers(ctx); err != nil || len(f.wrong) == 0 {
		return err
	}
	// Retry each one separately.
	var again []group
	for _, c := range f.wrong {
		again = append(again, group{[]cluster{c}, c.size()})
	}
	f.wrong, f.last = nil, true
	if err := f.parts(ctx, again); err != nil {
		return err
	}
	return f.readWholeLayers(ctx)
}

// ReadFile returns a generated file, verified. The error is fs.ErrNotExist if the catalog does not list it.
func (r *Reader) ReadFile(ctx context.Context, path string) ([]byte, error) {
	found, err := r.Files(ctx, []string{path})
	if err != nil {
		return nil, err
	}
	f, ok := found[path]
	switch {
	case !ok:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case f.Size > maxFile:
		return nil, fmt.Errorf("%s: %d bytes are too many to hold in memory", path, f.Size)
	}
	var text memory
	text.Grow(int(f.Size))
	err = r.Fetch(ctx, []catalog.File{f}, func(catalog.File) (Delivery, error) { return &text, nil })
	return text.Bytes(), err
}

// memory is a Delivery that keeps the content.
type memory struct{ bytes.Buffer }

func (*memory) Commit() error { return nil }
func (m *memory) Abort()      { m.Reset() }

// fetching is one Fetch.
type fetching struct {
	reader  *Reader
	deliver func(catalog.File) (Delivery, error)
	last    bool // what is wrong now is an error

	mu    sync.Mutex
	rest  []cluster // in layers that can only be read from their start
	wrong []cluster
}

// parts reads groups, several at the same time.
func (f *fetching) parts(ctx context.Context, all []group) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(f.reader.parallel)
	for _, g := range all {
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return f.part(ctx, g)
		})
	}
	return work.Wait()
}

func (f *fetching) part(ctx context.Context, g group) error {
	start := g.first()
	body, err := f.reader.layers[start.Layer].part(ctx, start.Offset, g.size)
	left := g.clusters
	if err == nil {
		left, err = f.stream(body, start.Offset, g.clusters)
		err = errors.Join(err, body.Close())
	}
	if errors.Is(err, errNoParts) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.rest = append(f.rest, left...)
		return nil
	}
	return err
}

// readWholeLayers reads each layer that has to be read from its start, once.
func (f *fetching) readWholeLayers(ctx context.Context) error {
	byLayer := map[int][]cluster{}
	for _, c := range f.rest {
		byLayer[c[0].Layer] = append(byLayer[c[0].Layer], c)
	}
	f.rest = nil
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(f.reader.parallel)
	for layer, clusters := range byLayer {
		slices.SortFunc(clusters, func(a, b cluster) int { return comparePlaces(&a[0], &b[0]) })
		work.Go(func() error {
			body, err := f.reader.layers[layer].whole(ctx)
			if err != nil {
				return fmt.Errorf("layer %d: %w", layer, err)
			}
			_, err = f.stream(body, 0, clusters)
			return errors.Join(err, body.Close())
		})
	}
	return work.Wait()
}

// stream delivers clusters from a body that begins at the given offset of the layer. It returns the remaining ones
// if the body fails.
func (f *fetching) stream(body io.Reader, position int64, clusters []cluster) ([]cluster, error) {
	buffer := make([]byte, fetchSteps)
	for i, c := range clusters {
		if err := pass(body, c[0].Offset-position, buffer); err != nil {
			return clusters[i:], fmt.Errorf("%s: %w", c[0].Path, err)
		}
		good, err := f.cluster(body, c, buffer)
		if err != nil {
			return clusters[i:], err
		}
		if !good {
			f.mu.Lock()
			f.wrong = append(f.wrong, c)
			f.mu.Unlock()
		}
		position = c.end()
	}
	return nil, nil
}

// cluster delivers files with one content. It reports whether the content is right.
func (f *fetching) cluster(body io.Reader, c cluster, buffer []byte) (good bool, err error) {
	var open []Delivery
	defer func() {
		for _, d := range open {
			d.Abort()
		}
	}()
	for _, file := range c {
		d, err := f.deliver(file)
		if err != nil {
			return false, err
		}
		open = append(open, d)
	}
	sum := sha256.New()
	err = readSteps(body, c.size(), buffer, func(p []byte) error {
		sum.Write(p)
		for _, d := range open {
			if _, err := d.Write(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", c[0].Path, err)
	}
	if err := c[0].Agrees(sum); err != nil {
		if f.last {
			return false, err
		}
		return false, nil
	}
	for len(open) > 0 {
		d := open[0]
		open = open[1:]
		if err := d.Commit(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// pass reads and discards n bytes.
func pass(r io.Reader, n int64, buffer []byte) error {
	return readSteps(r, n, buffer, func([]byte) error { return nil })
}

// readSteps reads n bytes step by step.
func readSteps(r io.Reader, n int64, buffer []byte, take func([]byte) error) error {
	for n > 0 {
		k, err := r.Read(buffer[:min(n, int64(len(buffer)))])
		n -= int64(k)
		if err := take(buffer[:k]); err != nil {
			return err
		}
		if n > 0 && err == io.EOF {
			return artifact.Verifyf("the layer ends %d bytes too early", n)
		}
		if n > 0 && err != nil {
			return err
		}
	}
	return nil
}

// fetchTree delivers the files of an unpacked tree.
func (r *Reader) fetchTree(ctx context.Context, files []catalog.File, deliver func(catalog.File) (Delivery, error)) error {
	f := &fetching{reader: r, deliver: deliver, last: true}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(r.parallel)
	for _, file := range files {
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			body, err := r.file(&file)
			if err != nil {
				return err
			}
			_, err = f.stream(body, file.Offset, []cluster{{file}})
			return errors.Join(err, body.Close())
		})
	}
	return work.Wait()
}
