package dpkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// frontendLock is what programs that call dpkg several times hold meanwhile: see
// "Locking" in dpkg's and apt's documentation.
const frontendLock = "var/lib/dpkg/lock-frontend"

// lock takes the front ends' lock, or waits for the program that has it.
func (d *dpkg) lock(ctx context.Context, wait time.Duration) (io.Closer, error) {
	f, err := os.OpenFile(d.path(frontendLock), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o640)
	if err != nil {
		return nil, err
	}
	told := false
	for deadline := time.Now().Add(wait); ; {
		whole := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
		err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &whole)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		holder := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
		if syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &holder) != nil {
			holder.Pid = 0
		}
		if !time.Now().Before(deadline) {
			f.Close()
			return nil, artifact.Hint(fmt.Errorf("%s is locked by process %d: another program installs packages", f.Name(), holder.Pid),
				"wait until it is done, then type the same command again")
		}
		if !told {
			fmt.Fprintf(d.log, "waiting for process %d, which installs packages\n", holder.Pid)
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// denyServices keeps packages from starting services, with a policy-rc.d
// (invoke-rc.d(8)) that lives as long as the installation. One that is there
// already stays in force, unless a killed run has left it.
func (d *dpkg) denyServices() (restore func(), err error) {
	const text = "#!/bin/sh\n# Made by minimirror bootstrap --no-start; it is removed at its end.\nexit 101\n"
	policy := d.path("usr/sbin/policy-rc.d")
	old, err := artifact.ReadFile(policy)
	switch {
	case err == nil && string(old) != text:
		return func() {}, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.WriteFile(policy, []byte(text), 0o755); err != nil {
		return nil, errors.Join(err, os.Remove(policy))
	}
	return func() { os.Remove(policy) }, os.Chmod(policy, 0o755)
}
