package artifact

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// OpenFile opens a regular file for reading. A directory is an error, and so is a pipe, socket or
// device, whose reader might wait forever.
func OpenFile(name string) (*os.File, error) {
	return OpenRegular(func(flag int) (*os.File, error) { return os.OpenFile(name, os.O_RDONLY|flag, 0o666) })
}

// OpenRegular does the same with an open function, to which it passes extra flags: of an os.Root,
// or for writing.
func OpenRegular(open func(flag int) (*os.File, error)) (*os.File, error) {
	f, err := open(syscall.O_NONBLOCK)
	if errors.Is(err, syscall.ENXIO) { // a socket, or a pipe without a reader
		path := new(fs.PathError)
		if errors.As(err, &path) {
			return nil, &fs.PathError{Op: path.Op, Path: path.Path, Err: errors.New("not a regular file but a pipe or a socket")}
		}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = notRegular(f.Name(), info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func notRegular(name string, mode fs.FileMode) error {
	what := ""
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	default:
		what = "a device"
	}
	return &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("not a regular file but %s", what)}
}

// ReadFile reads a file that OpenFile opens.
func ReadFile(name string) ([]byte, error) {
	f, err := OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// ReadKeyPair reads a certificate and its key from files that OpenFile opens: PEM.
func ReadKeyPair(certificate, key string) (tls.Certificate, error) {
	first, err := ReadFile(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	second, err := ReadFile(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(first, second)
}

// ReadInput reads a file that OpenInput opens.
func ReadInput(ctx context.Context, name string) ([]byte, error) {
	in, err := OpenInput(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return data, err
}

// OpenInput opens a file that a user names on the command line. It may be a pipe, such as a shell's <(COMMAND);
// OpenInput waits for its writer. When ctx ends, so do the waiting and the reading.
func OpenInput(ctx context.Context, name string) (io.ReadCloser, error) {
	if info, err := os.Stat(name); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return OpenFile(name)
	}
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() { // it leaks if no writer ever opens the pipe
		f, err := os.Open(name)
		done <- result{f, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		return &pipe{r.f, context.AfterFunc(ctx, func() { r.f.Close() })}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// The user or the end of a context closes a pipe.
type pipe struct {
	*os.File
	stop func() bool
}

func (p *pipe) Close() error {
	p.stop()
	return p.File.Close()
}
