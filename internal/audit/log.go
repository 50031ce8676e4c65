package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Stdout is the name of standard output among files.
const Stdout = "-"

// complainEvery is how often trouble with writing is logged.
const complainEvery = time.Minute

// A Log writes records to a file, a line each. It is safe for concurrent use.
type Log struct {
	file   string
	log    *slog.Logger
	errors atomic.Uint64

	mu         sync.Mutex // held while a line is written
	out        *os.File
	torn       bool // the last line is not whole
	complained time.Time
}

// Open opens the file for appending; it is made, for its owner and group alone, if it is not there. "-" is
// standard output, whose reader may go away. A line that is not whole, of a full disk perhaps, stays:
// the next one begins behind it. log hears of trouble later on, at most once a minute; nil: nobody.
func Open(file string, log *slog.Logger) (*Log, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Log{file: file, log: log}
	var err error
	if l.out, l.torn, err = open(file); err != nil {
		return nil, err
	}
	return l, nil
}

func open(file string) (out *os.File, torn bool, err error) {
	if file == Stdout {
		// By another number a broken pipe is an error, and not the program's end.
		fd, err := syscall.Dup(int(os.Stdout.Fd()))
		if err != nil {
			return nil, false, fmt.Errorf("audit: standard output: %w", err)
		}
		syscall.CloseOnExec(fd)
		return os.NewFile(uintptr(fd), "standard output"), false, nil
	}
	out, err = os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, false, artifact.Hint(fmt.Errorf("audit: %w", err), "name a file in a folder that this user may write to, or - for standard output")
	}
	return out, endsTorn(file, out), nil
}

// endsTorn reports whether the file has a last line without an end, or may have.
func endsTorn(file string, out *os.File) bool {
	info, err := out.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	in, err := os.Open(file)
	if err != nil {
		return true
	}
	defer in.Close()
	var last [1]byte
	_, err = in.ReadAt(last[:], info.Size()-1)
	return err != nil && !errors.Is(err, io.EOF) || last[0] != '\n'
}

// lines keeps buffers. Each begins with a newline, for the case that the line before is torn.
var lines = sync.Pool{New: func() any { b := make([]byte, 1, MaxLine+1); b[0] = '\n'; return &b }}

// Write writes the record, by one write(2) under all normal conditions. It does not wait for anything but that
// write and those before it. A line that can't be written is lost, and counted.
func (l *Log) Write(r *Record) {
	buffer := lines.Get().(*[]byte)
	line := append(r.AppendJSON((*buffer)[:1]), '\n')

	l.mu.Lock()
	if l.torn {
		l.write(line)
	} else {
		l.write(line[1:])
	}
	l.mu.Unlock()

	*buffer = line
	lines.Put(buffer)
}

func (l *Log) write(line []byte) {
	n, err := l.out.Write(line)
	if n > 0 {
		l.torn = line[n-1] != '\n'
	}
	if err == nil {
		return
	}
	lost := l.errors.Add(1)
	if now := time.Now(); now.Sub(l.complained) >= complainEvery {
		l.complained = now
		l.log.Error("audit: a line is lost", "error", err, "lost", lost)
	}
}

// Errors is how many lines were lost.
func (l *Log) Errors() uint64 { return l.errors.Load() }

// Reopen opens the file of the same name again: what rotates logs has moved the old one away, which gets all lines
// of calls of Write that began before. When it can't be opened, the old file stays in use.
func (l *Log) Reopen() error {
	if l.file == Stdout {
		return nil
	}
	out, torn, err := open(l.file)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.out, out = out, l.out
	l.torn = torn
	l.mu.Unlock()
	return out.Close()
}

// Close closes the file. Lines that come later are lost, and counted.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Close()
}
