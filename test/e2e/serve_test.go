package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
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

// cmdServe serves an image as NAME; again: another image at the same address.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME REF")
	}
	w := worldOf(ts)
	m := w.mirrors[args[0]]
	if m == nil {
		m = &mirror{address: "127.0.0.1:0"}
		w.mirrors[args[0]] = m
	} else {
		m.stop()
	}
	served := serve(ts, args[1], m.address)
	m.address, m.signal, m.stop = served.address, served.signal, served.stop
	if m.apt == nil {
		sources, err := get("http://" + m.address + "/minimirror.sources")
		ts.Check(err)
		m.apt = debiantest.NewApt(w.t, sources)
	}
}

// cmdApt runs apt-get as the client of a mirror.
func cmdApt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || worldOf(ts).mirrors[args[0]] == nil {
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

// serve starts "minimirror serve" and waits until it listens.
func serve(ts *testscript.TestScript, ref, listen string) *mirror {
	cmd := command(ts, "minimirror", "serve", "--image", ref, "--listen", listen)
	output, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := bufio.NewReader(output)
	address := ""
	for address == "" {
		line, err := lines.ReadString('\n')
		ts.Logf("%s", line)
		if match := listening.FindStringSubmatch(line); match != nil {
			address = match[1]
		} else if err != nil {
			_ = cmd.Process.Kill()
			ts.Fatalf("minimirror serve ended: %v", cmd.Wait())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	ended := false
	ts.Defer(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	// Once only: a second signal means "at once".
	signal := sync.OnceValue(func() error { return cmd.Process.Signal(syscall.SIGTERM) })
	stop := func() {
		ended = true
		ts.Check(signal())
		ts.Check(cmd.Wait())
	}
	return &mirror{address: address, signal: signal, stop: stop}
}
