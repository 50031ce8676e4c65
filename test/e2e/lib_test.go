package e2e

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// library runs a script that has read lib.sh.
func library(t *testing.T, script string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-c", ". ./lib.sh\n" + script, "library"}, args...)...)
	cmd.Env = append(os.Environ(), "MINIMIRROR=/bin/true", "E2E_WORK="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A program that starts says more than the line that is waited for, and not in one piece.
func TestAwait(t *testing.T) {
	out, err := library(t, `
		mkfifo "$mine/go"
		exec 3<>"$mine/go"
		{ printf 'Starting on port 0\nstarted on port 12'; read -r <&3; printf '34.\n'; exec cat <&3 >/dev/null; } >"$mine/log" &
		defer end $!
		sleep() { echo >&3; command sleep "$1"; } # await has looked, and looks again
		await $! "$mine/log" 'on port ([1-9][0-9]*)'
		say "port $said"
		await $! "$mine/log" 'Start[a-z]+'
		say "first $said"`)
	if err != nil || !strings.Contains(out, "port 1234\n") || !strings.Contains(out, "first Starting\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAwaitOfWhatEnds(t *testing.T) {
	out, err := library(t, `echo "no such port" >"$mine/log" & await $! "$mine/log" 'on port'`)
	if err == nil || !strings.Contains(out, "no such port\n") || !strings.Contains(out, `it ended before it said "on port"`) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := library(t, `echo "on port 1" >"$mine/log" & wait; await $! "$mine/log" 'on port'`); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEventually(t *testing.T) {
	out, err := library(t, `n=0; third() { echo "try $((++n))"; [ "$n" = 3 ]; }; eventually third; say "$n tries"
		patience=0; n=5; eventually third || die "in vain"`)
	if err == nil || !strings.Contains(out, "3 tries\n") || !strings.Contains(out, "try 6\n") || !strings.Contains(out, "in vain") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The number of a process that has ended is soon another's.
func TestEndLeavesOthers(t *testing.T) {
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = other.Process.Kill(), other.Wait() }()
	out, err := library(t, `command sleep 1000 & own=$!; defer end "$own"; end "$1"; end "$own"; ! kill -0 "$own" 2>/dev/null`, strconv.Itoa(other.Process.Pid))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("it ended a process that it had not started: %v", err)
	}
}

// A function in the background is a shell whose child is the program.
func TestEndOfAFunction(t *testing.T) {
	out, err := library(t, `
		serves() { "$@" bash -c 'echo "$$" >"$1.new"; mv "$1.new" "$1"; exec sleep 1000' bash "$mine/program"; }
		serves env &
		server=$!
		defer end "$server"
		eventually test -e "$mine/program" || die "it does not start"
		program=$(cat "$mine/program")
		end "$server"
		! kill -0 "$server" 2>/dev/null || die "the function still runs"
		! kill "$program" 2>/dev/null || die "the program was still running"`)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A shell that begins program after program ends as well.
func TestEndOfALoop(t *testing.T) {
	out, err := library(t, `
		bash -c 'while :; do echo "$$" >"$1"; sleep 0.05 || true; done' bash "$mine/loop" &
		loop=$!
		defer end "$loop"
		eventually test -s "$mine/loop" || die "it does not start"
		end "$loop"
		! kill -0 "$loop" 2>/dev/null || die "the loop still runs"`)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
