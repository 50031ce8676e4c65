// Package dpkg installs packages on a node: it runs the dpkg of the node in the steps of a plan, or writes a shell script that does the
// same without this program. What to install, and in which order, is package resolver's decision.
package dpkg

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Install runs the dpkg of the node: it unpacks and configures step by step, as an administrator would have it without questions.
// Configuration files that were changed on the node stay as they are. What dpkg
// and the maintainer scripts say goes to job.Log.
//
// After a failure, and after a kill at any moment, dpkg knows what state each
// package is in; the same installation planned again completes it.
func Install(ctx context.Context, job artifact.InstallJob) error {
	d := &dpkg{root: job.Root, log: job.Log, progress: job.Progress, done: map[string]int{}}
	for _, step := range job.Steps {
		d.total += len(step)
	}
	if err := d.check(); err != nil {
		return err
	}
	lock, err := d.lock(ctx, job.Wait)
	if err != nil {
		return err
	}
	defer lock.Close()
	if job.NoStart {
		restore, err := d.denyServices()
		if err != nil {
			return err
		}
		defer restore()
	}
	// What an interrupted run left unpacked is configured first, where that works;
	// where it does not, it needs what comes now.
	d.try(ctx, "--configure", "--pending")
	answers := job.Answers
	for i, step := range job.Steps {
		if answers != nil && d.has("usr/bin/debconf-set-selections") {
			if err := d.answer(ctx, answers); err != nil {
				return err
			}
			answers = nil
		}
		if err := d.step(ctx, i, step, job.Removed); err != nil {
			return d.explain(ctx, err)
		}
	}
	if answers != nil {
		return artifact.Hint(errors.New("the answers for debconf were not used: there is no debconf on this node"), "add the package debconf to the set")
	}
	err = d.remove(ctx, len(job.Steps), false, job.Removed)
	if err == nil {
		err = d.run(ctx, "--configure", "--pending")
	}
	if err != nil {
		return d.explain(ctx, err)
	}
	return nil
}

// step unpacks files and configures what was in them, as apt does. "dpkg --install" would also
// configure what it has deconfigured for them, whose upgrade may be in a later step.
func (d *dpkg) step(ctx context.Context, number int, files []string, removed []artifact.Removal) error {
	if err := d.remove(ctx, number, true, removed); err != nil {
		return err
	}
	d.unpacked = nil
	if err := d.run(ctx, append([]string{"--unpack"}, files...)...); err != nil {
		return err
	}
	if len(d.unpacked) == 0 {
		return nil // on hold since the plan was made
	}
	if err := d.run(ctx, append([]string{"--configure"}, d.unpacked...)...); err != nil {
		return err
	}
	return d.remove(ctx, number, false, removed)
}

// remove removes the packages that must go before or after a step. Removing them before it breaks dependants until the step installs
// the replacements; after it, dpkg refuses to break anything.
func (d *dpkg) remove(ctx context.Context, step int, first bool, removed []artifact.Removal) error {
	var names []string
	for _, r := range removed {
		if r.Step == step && r.First == first {
			names = append(names, r.Name)
		}
	}
	switch {
	case names == nil:
		return nil
	case first:
		return d.run(ctx, append([]string{"--remove", "--force-depends"}, names...)...)
	default:
		return d.run(ctx, append([]string{"--remove"}, names...)...)
	}
}

// A dpkg is the package manager of the system below root.
type dpkg struct {
	root     string
	log      io.Writer
	progress func(name, phase string, done, total int)
	total    int            // packages
	done     map[string]int // packages that have reached a state
	unpacked []string       // what the last --unpack unpacked, by dpkg's names
}

// check wants a system on which dpkg can work.
func (d *dpkg) check() error {
	if os.Geteuid() != 0 {
		return artifact.Hint(errors.New("installing needs root"), "type sudo before the command, or use --to DIR to extract only")
	}
	if !d.has("usr/bin/dpkg") {
		return artifact.Hint(fmt.Errorf("%s: there is no dpkg: this is not a Debian system", d.root), "name the root of one with --root, or use --to DIR to extract only")
	}
	return nil
}

func (d *dpkg) path(name string) string { return filepath.Join(d.root, name) }

func (d *dpkg) has(name string) bool {
	_, err := os.Stat(d.path(name))
	return err == nil
}

// command prepares a command of the system.
func (d *dpkg) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Path, cmd.Dir = name, "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root",
		"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "DEBIAN_PRIORITY=critical",
		"DPKG_FRONTEND_LOCKED=true", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=1"}
	// dpkg ends what it does in order when it alone is told to; a signal from the
	// terminal must not reach the maintainer scripts.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if d.root != "/" {
		cmd.SysProcAttr.Chroot = d.root
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = d.log, d.log
	return cmd
}

// run runs dpkg and counts what it reports.
func (d *dpkg) run(ctx context.Context, args ...string) error {
	status, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer status.Close()
	all := append([]string{"--status-fd", "3", "--force-confdef", "--force-confold", "--auto-deconfigure", "--no-pager"}, args...)
	cmd := d.command(ctx, "/usr/bin/dpkg", all...)
	cmd.ExtraFiles = []*os.File{write}
	fmt.Fprintf(d.log, "+ dpkg %s\n", strings.Join(all, " "))
	said := d.newTail()
	err = cmd.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("dpkg: %w", err)
	}
	var problems []string
	for lines := bufio.NewScanner(status); lines.Scan(); {
		problems = append(problems, d.report(lines.Text())...)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	if problems == nil {
		problems = said.lines()
	}
	return fmt.Errorf("dpkg %s: %w:\n  %s", args[0], err, strings.Join(problems, "\n  "))
}

// report reads a line of dpkg's status messages: dpkg(1), --status-fd.
func (d *dpkg) report(line string) (problems []string) {
	parts := strings.SplitN(line, ": ", 4)
	if len(parts) < 3 || strings.TrimSuffix(parts[0], ":") != "status" {
		return nil
	}
	name, state := parts[1], parts[2]
	switch state {
	case "not-installed", "config-files": // it has disappeared: what came after it has replaced all its files
		d.unpacked = slices.DeleteFunc(d.unpacked, func(known string) bool { return known == name })
	case "error":
		return []string{strings.Join(parts[1:], ": ")}
	case "unpacked":
		if slices.Contains(d.unpacked, name) {
			return nil
		}
		d.unpacked = append(d.unpacked, name)
		fallthrough
	case "installed":
		d.done[state] = min(d.done[state]+1, d.total)
		if d.progress != nil {
			d.progress(name, state, d.done[state], d.total)
		}
	}
	return nil
}

// try runs dpkg where failing is no harm.
func (d *dpkg) try(ctx context.Context, args ...string) {
	cmd := d.command(ctx, "/usr/bin/dpkg", append([]string{"--force-confdef", "--force-confold"}, args...)...)
	fmt.Fprintf(d.log, "+ dpkg %s\n", strings.Join(args, " "))
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(d.log, "dpkg %s: %v\n", strings.Join(args, " "), err)
	}
}

// answer gives debconf answers before its questions come: debconf-set-selections(1).
func (d *dpkg) answer(ctx context.Context, answers []byte) error {
	cmd := d.command(ctx, "/usr/bin/debconf-set-selections")
	var problem bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(answers), &problem
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("debconf-set-selections: %w: %s", err, bytes.TrimSpace(problem.Bytes()))
	}
	return nil
}

// explain adds to a failure in which state dpkg is, and how to go on.
func (d *dpkg) explain(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		return failure
	}
	var audit bytes.Buffer
	cmd := d.command(ctx, "/usr/bin/dpkg", "--audit")
	cmd.Stdout = &audit
	if err := cmd.Run(); err == nil && audit.Len() == 0 {
		audit.WriteString("no package is half installed")
	}
	repair := "dpkg --configure -a"
	if d.root != "/" {
		repair = "chroot " + d.root + " " + repair
	}
	return artifact.Hint(fmt.Errorf("%w\ndpkg's state: %s", failure, strings.TrimSpace(audit.String())),
		"mend what is said above, then type the same command again; it goes on from here. To configure by hand: %s", repair)
}
