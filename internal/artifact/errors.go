package artifact

import (
	"errors"
	"fmt"
)

// Sentinel errors. cmd/minimirror turns them into exit codes.
var (
	ErrUsage  = errors.New("usage")                   // exit 2
	ErrStale  = errors.New("the lock is out of date") // exit 3
	ErrVerify = errors.New("verification failed")     // exit 4: a signature, size or digest is wrong
)

// A HintError is an error that the user can mend: the text and the command or
// edit that helps, printed on a line of its own that begins "hint:".
type HintError struct {
	Err  error
	Hint string
}

func (e *HintError) Error() string { return e.Err.Error() + "\nhint: " + e.Hint }
func (e *HintError) Unwrap() error { return e.Err }

// Hint adds a hint to err.
func Hint(err error, format string, args ...any) error {
	return &HintError{err, fmt.Sprintf(format, args...)}
}

// Verifyf makes an error that is ErrVerify.
func Verifyf(format string, args ...any) error {
	return &markedError{fmt.Errorf(format, args...), ErrVerify}
}

// Usagef makes an error that is ErrUsage.
func Usagef(format string, args ...any) error {
	return &markedError{fmt.Errorf(format, args...), ErrUsage}
}

// markedError is an error that is also a sentinel, without repeating its text.
type markedError struct {
	error
	sentinel error
}

func (e *markedError) Unwrap() []error { return []error{e.error, e.sentinel} }
