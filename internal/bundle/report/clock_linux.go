package report

import "golang.org/x/sys/unix"

// Synchronized reports whether the kernel says that a time service keeps the clock: adjtimex(2). nil: it does not say.
func Synchronized() *bool {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return nil
	}
	kept := t.Status&unix.STA_UNSYNC == 0
	return &kept
}
