// Package watch tells whether the files that a running server obeys may have changed since it read them: rules, passwords and
// certificates. Their readers compare the State of a file with that of the last time, not more often than Every. If the new
// content is wrong, they log that and keep the old content.
package watch

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	Every   = 500 * time.Millisecond // between two looks at a file
	MaxSize = 4 << 20                // of a file, in bytes
)

// A State tells whether a file may have changed; it is compared with ==. What changes in place, is replaced, or stands
// behind a symbolic link that is swapped has another state. The zero State is that of a file that is not there.
type State struct {
	device, inode uint64
	size          int64
	changed       time.Time // of the file itself or of the link to it, the later: stat(2), st_ctim
}

// StateOf returns the state of a file. An error is a state, too: that of a file that cannot be seen.
func StateOf(file string) (s State, err error) {
	for _, stat := range []func(string, *syscall.Stat_t) error{syscall.Lstat, syscall.Stat} {
		var st syscall.Stat_t
		if err := stat(file, &st); err != nil {
			return s, &os.PathError{Op: "stat", Path: file, Err: err}
		}
		s.device, s.inode, s.size = uint64(st.Dev), st.Ino, st.Size
		if changed := time.Unix(st.Ctim.Unix()); changed.After(s.changed) {
			s.changed = changed
		}
	}
	return s, nil
}

// Read reads a file that does not change meanwhile, and is not larger than MaxSize. It returns the state of what was read.
func Read(file string) ([]byte, State, error) {
	for range 5 {
		before, err := StateOf(file)
		if err != nil {
			return nil, before, err
		}
		data, err := ReadFile(file, MaxSize+1)
		if err != nil {
			return nil, before, err
		}
		after, err := StateOf(file)
		switch {
		case err != nil:
			return nil, before, err
		case before != after:
			continue
		case len(data) > MaxSize:
			return nil, before, fmt.Errorf("%s: more than %d bytes", file, MaxSize)
		}
		return data, before, nil
	}
	return nil, State{}, fmt.Errorf("%s: it changes while it is read", file)
}

// ReadFile reads a regular file, or its first bytes.
func ReadFile(file string, most int64) ([]byte, error) {
	f, err := artifact.OpenFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
