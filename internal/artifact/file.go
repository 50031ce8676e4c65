package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// OpenFile opens a file to read. It must be a regular one: a directory, and a pipe, a socket or a
// device, whose reader may have to wait for ever, are errors at once.
func OpenFile(name string) (*os.File, error) {
	return OpenRegular(func(flag int) (*os.File, error) { return os.OpenFile(name, os.O_RDONLY|flag, 0o666) })
}

// OpenRegular does the same with a way to open a file by flags that it adds to: of an os.Root,
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

// ReadInput reads a file that a user names on the command line. It may be a pipe, as a shell's
// <(COMMAND) is, which is read until its writer, or ctx, ends.
func ReadInput(ctx context.Context, name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeNamedPipe == 0 {
		return ReadFile(name)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // it stays behind where no writer comes
		data, err := os.ReadFile(name)
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
