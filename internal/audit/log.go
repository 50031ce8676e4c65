package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
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

	pipe *pipe // of what is no regular file; nil: there is a file

	mu sync.Mutex // held while a line is written
	end
	complained time.Time
}

// An end is where a file is written.
type end struct {
	out      *os.File
	position int64 // of the next line; -1: unknown, of what is no regular file
	torn     bool  // the last line is not whole
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
	if l.end, err = open(file); err != nil {
		return nil, err
	}
	if l.mayStandStill() {
		l.pipe = newPipe(l)
	}
	return l, nil
}

// mayStandStill reports whether a write may have to wait for a reader.
func (l *Log) mayStandStill() bool {
	info, err := l.out.Stat()
	return err == nil && (info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0 || l.file == Stdout && !info.Mode().IsRegular())
}

func open(file string) (end, error) {
	if file == Stdout {
		// By another number a broken pipe is an error, and not the program's end.
		fd, err := syscall.Dup(int(os.Stdout.Fd()))
		if err != nil {
			return end{}, fmt.Errorf("audit: standard output: %w", err)
		}
		syscall.CloseOnExec(fd)
		return endOf(os.NewFile(uintptr(fd), "standard output")), nil
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640) // a pipe without a reader is an error
	if errors.Is(err, syscall.ENXIO) {
		return end{}, artifact.Hint(fmt.Errorf("audit: %s: a socket, or a pipe without a reader", file), "start its reader first, or name a file")
	}
	if err != nil {
		return end{}, artifact.Hint(fmt.Errorf("audit: %w", err), "name a file in a folder that this user may write to, or - for standard output")
	}
	e := endOf(out)
	e.torn = e.position > 0 && endsTorn(file, e.position)
	return e, nil
}

func endOf(out *os.File) end {
	if info, err := out.Stat(); err == nil && info.Mode().IsRegular() {
		return end{out: out, position: info.Size()}
	}
	return end{out: out, position: -1}
}

// endsTorn reports whether the file of so many bytes has a last line without an end, or may have.
func endsTorn(file string, size int64) bool {
	in, err := os.Open(file)
	if err != nil {
		return true
	}
	defer in.Close()
	var last [1]byte
	_, err = in.ReadAt(last[:], size-1)
	return err != nil || last[0] != '\n'
}

// buffers each begin with MaxLine spaces; a line follows.
var buffers = sync.Pool{New: func() any {
	b := bytes.Repeat([]byte{' '}, 2*MaxLine)[:MaxLine]
	return &b
}}

// Write writes the record, by one write(2) under all normal conditions. It does not wait for anything but that
// write and those before it. A line that can't be written is lost, and counted.
func (l *Log) Write(r *Record) {
	buffer := buffers.Get().(*[]byte)
	line := append(r.AppendJSON(*buffer), '\n')
	l.mu.Lock()
	if l.pipe != nil {
		if err := l.pipe.queue(line[MaxLine:]); err != nil {
			l.complain(err)
		}
	} else if err := l.write(line); err != nil {
		l.complain(err)
	}
	l.mu.Unlock()
	buffers.Put(buffer)
}

// page is the smallest on any machine, in bytes. Linux ends a write for SIGKILL between two pages of a
// regular file (generic_perform_write).
const page = 4096

// write writes a line that has MaxLine spaces before it. It begins on the next page when it would not end on this one.
func (e *end) write(line []byte) error {
	if e.torn {
		if err := e.append([]byte{'\n'}); err != nil {
			return err
		}
	}
	spaces := 0
	if rest := page - int(e.position%page); e.position >= 0 && rest < len(line)-MaxLine {
		spaces = rest
	}
	return e.append(line[MaxLine-spaces:])
}

func (e *end) append(text []byte) error {
	n, err := e.out.Write(text)
	if e.position >= 0 {
		e.position += int64(n)
	}
	if n > 0 {
		e.torn = text[n-1] != '\n'
	}
	return err
}

func (l *Log) complain(err error) {
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
	if l.pipe != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock() // it may be the same file: nobody must write while its end is looked at
	next, err := open(l.file)
	if err != nil {
		return err
	}
	l.end, next = next, l.end
	return next.out.Close()
}

// Close closes the file. Lines that come later are lost, and counted; so are those that the reader of a pipe has not
// taken after some seconds.
func (l *Log) Close() error {
	if l.pipe != nil {
		return l.pipe.close(l)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Close()
}
