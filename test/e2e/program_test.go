package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// cmdExits runs a command to its end.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	if code := exitCode(ts, ts.Exec(args[1], args[2:]...)); code != number(ts, args[0]) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// command prepares a command that is signalled, with the script's folder and environment.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path := args[0]
	if path == "minimirror" {
		path = filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[0], "minimirror")
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "TMPDIR", "NO_PROXY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "http_proxy", "https_proxy", "APT_CONFIG"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// cmdRefuses wants an error about a file that is none. A program that waits is killed.
func cmdRefuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: refuses ARGUMENT…")
	}
	if code := exitCode(ts, ts.Exec("timeout", append([]string{"--signal=KILL", "30", "minimirror"}, args...)...)); code < 1 || code > 4 {
		ts.Fatalf("exit code %d", code)
	}
	if said := ts.ReadFile("stderr"); !strings.Contains(said, "not a regular file") && !strings.Contains(said, "pipe without a reader") {
		ts.Fatalf("it does not say that something is no regular file")
	}
}

// cmdInterrupt sends a signal while upstream holds an answer back, and heals the upstream.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	signal := syscall.SIGINT
	if len(args) > 0 && args[0] == "SIGTERM" {
		signal, args = syscall.SIGTERM, args[1:]
	}
	if neg || len(args) < 4 {
		ts.Fatalf("usage: interrupt [SIGTERM] NAME GLOB N COMMAND…")
	}
	u := worldOf(ts).upstream(ts, args[0])
	u.faults.Clear()
	reached := make(chan struct{})
	u.faults.On(args[1], debiantest.Hold(number(ts, args[2]), reached, nil))

	var out bytes.Buffer
	cmd := command(ts, args[3:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
		if n := number(ts, args[2]); n >= 1000 { // what was sent may still be on its way
			waitForPart(ts, int64(n)/2)
		}
		ts.Check(cmd.Process.Signal(signal))
	case err := <-ended:
		ts.Fatalf("it ended before it asked for %s: %v\n%s", args[1], err, &out)
	}
	code := exitCode(ts, <-ended)
	fmt.Fprint(ts.Stderr(), out.String())
	if code != 130 {
		ts.Fatalf("exit code %d after the signal %s, want 130", code, signal)
	}
	u.faults.Clear()
}

// waitForPart waits until the user's cache has so many bytes of a file that is not whole.
func waitForPart(ts *testscript.TestScript, n int64) {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(ts.Getenv("HOME"), ".cache", "minimirror", "part", "*"))
		ts.Check(err)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() >= n {
				return
			}
		}
		if time.Since(began) > time.Minute {
			ts.Fatalf("the cache has no %d bytes of what is on its way", n)
		}
	}
}

// cmdSound checks the user's cache: what has a digest for a name has that
// digest, and nothing unfinished is left.
func cmdSound(ts *testscript.TestScript, neg bool, args []string) {
	cache := filepath.Join(ts.Getenv("HOME"), ".cache", "minimirror")
	wrong := 0
	ts.Check(filepath.WalkDir(cache, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		switch place, name := filepath.Base(filepath.Dir(file)), filepath.Base(file); {
		case place == "sha256" && debiantest.SHA256(data) != name:
			ts.Logf("%s holds something else", file)
			wrong++
		case place == "tmp":
			ts.Logf("%s is left behind", file)
			wrong++
		}
		return nil
	}))
	if (wrong > 0) != neg {
		ts.Fatalf("%d files of the cache are wrong", wrong)
	}
}
