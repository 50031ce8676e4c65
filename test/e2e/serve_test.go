package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A mirror is a running "minimirror serve" with a client that remembers.
type mirror struct {
	address string
	signal  func() error // asks it to end
	stop    func()       // and waits until it has
	apt     *debiantest.Apt
}

// cmdServe serves an image as NAME; again: another image, or with other flags, at the same address.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serve NAME REF [FLAG…]")
	}
	w := worldOf(ts)
	m := w.mirrors[args[0]]
	if m == nil {
		m = &mirror{address: "127.0.0.1:0"}
		w.mirrors[args[0]] = m
	} else {
		m.stop()
	}
	served := serve(ts, args[1], m.address, args[2:]...)
	m.address, m.signal, m.stop = served.address, served.signal, served.stop
	ts.Setenv(args[0], "http://"+m.address)
	if m.apt == nil {
		if sources, err := get("http://" + m.address + "/minimirror.sources"); err == nil {
			m.apt = debiantest.NewApt(w.t, sources)
		} // otherwise it has nodes
	}
}

// cmdNode makes another client of a mirror, which has a codename and installed packages.
func cmdNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 || worldOf(ts).mirrors[args[1]] == nil {
		ts.Fatalf("usage: node NAME MIRROR CODENAME STATUS")
	}
	w := worldOf(ts)
	sources, err := get("http://" + w.mirrors[args[1]].address + "/minimirror.sources?codename=" + args[2])
	ts.Check(err)
	node := &mirror{apt: debiantest.NewApt(w.t, sources)}
	ts.Check(os.WriteFile(filepath.Join(node.apt.Dir, "status"), []byte(ts.ReadFile(args[3])), 0o644))
	w.mirrors[args[0]] = node
}

// cmdApt runs apt-get as the client of a mirror.
func cmdApt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || worldOf(ts).mirrors[args[0]] == nil || worldOf(ts).mirrors[args[0]].apt == nil {
		ts.Fatalf("usage: apt NAME ARGUMENT…")
	}
	out, err := worldOf(ts).mirrors[args[0]].apt.Get(args[1:]...)
	_, _ = io.WriteString(ts.Stdout(), out)
	if (err != nil) != neg {
		ts.Fatalf("apt-get: %v", err)
	}
}

// cmdDrain ends a mirror while it sends a file: what runs is finished, nothing
// new begins, and the exit code is 0.
func cmdDrain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || worldOf(ts).mirrors[args[0]] == nil {
		ts.Fatalf("usage: drain NAME PATH")
	}
	w := worldOf(ts)
	m := w.mirrors[args[0]]
	resp, err := http.Get("http://" + m.address + args[1])
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	first := make([]byte, 1)
	_, err = io.ReadFull(resp.Body, first)
	ts.Check(err)
	ts.Check(m.signal())
	for {
		conn, err := net.Dial("tcp", m.address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	rest, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if !w.published(append(first, rest...)) {
		ts.Fatalf("%d bytes that are no file of upstream", 1+len(rest))
	}
	m.stop()
}

var listening = regexp.MustCompile(`listening on \S*?(127\.0\.0\.1:\d+)`)

// serve starts "minimirror serve", which ends with the script at the latest.
func serve(ts *testscript.TestScript, ref, listen string, flags ...string) *mirror {
	s, err := startServer(command(ts, append([]string{"minimirror", "serve", "--image", ref, "--listen", listen}, flags...)...), ts.Logf)
	ts.Check(err)
	ts.Defer(s.kill)
	return &mirror{address: s.address, signal: s.signal, stop: func() { ts.Check(s.stop()) }}
}

// A server is a running "minimirror serve".
type server struct {
	address string
	cmd     *exec.Cmd
	signal  func() error // asks it to end; once only, since a second signal means "at once"
	wait    func() error
}

// startServer waits until the server listens.
func startServer(cmd *exec.Cmd, logf func(format string, args ...any)) (*server, error) {
	output, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		logf("%s", line)
		if err != nil {
			_ = cmd.Process.Kill()
			return nil, fmt.Errorf("minimirror serve ended: %w", cmd.Wait())
		}
		if match := listening.FindStringSubmatch(line); match != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return &server{
				address: match[1], cmd: cmd,
				signal: sync.OnceValue(func() error { return cmd.Process.Signal(syscall.SIGTERM) }),
				wait:   sync.OnceValue(cmd.Wait),
			}, nil
		}
	}
}

// stop ends the server as an operator does.
func (s *server) stop() error { return errors.Join(s.signal(), s.wait()) }

// kill ends what stop has not ended.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.wait()
}
