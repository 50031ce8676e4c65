package e2e

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A stall is a run of the program that waits for what never comes.
type stall struct {
	args  func(s *vendorSite, address string) []string // address is of a server that takes connections and never answers
	until func(r *stalledRun)                          // returns when the program waits
}

// A stalledRun is the program at work.
type stalledRun struct {
	*testing.T
	site   *vendorSite
	server net.Listener
	stdin  *os.File
	output string // name of the file with both outputs
	ended  chan struct{}
}

// poll waits until done, or until the program has ended.
func (r *stalledRun) poll(what string, done func() bool) {
	for !done() {
		select {
		case <-r.ended:
			said, _ := os.ReadFile(r.output)
			r.Fatalf("it ended before it waited for %s:\n%s", what, said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (r *stalledRun) accepted() {
	done := make(chan net.Conn, 1)
	go func() {
		if c, err := r.server.Accept(); err == nil {
			done <- c
		}
	}()
	r.poll("the server", func() bool {
		select {
		case c := <-done:
			r.Cleanup(func() { c.Close() })
			return true
		default:
			return false
		}
	})
}

// pipeOpened waits until the program has the pipe open, or is about to.
func (r *stalledRun) pipeOpened() {
	r.poll("the pipe", func() bool {
		f, err := os.OpenFile(filepath.Join(r.site.dir, "pipe"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			r.Cleanup(func() { f.Close() })
		}
		return err == nil
	})
}

// stdinRead waits until the program has taken what standard input has for it.
func (r *stalledRun) stdinRead() {
	if _, err := r.stdin.Write(bytes.Repeat([]byte{0}, 2*65536)); err != nil { // more than a pipe holds: somebody has read
		r.Error(err)
	}
}

func (r *stalledRun) says(text string) func() {
	return func() {
		r.poll(text, func() bool {
			said, err := os.ReadFile(r.output)
			return err == nil && strings.Contains(string(said), text)
		})
	}
}

// TestEnds ends the program by SIGTERM and by SIGINT while it waits: for a server, a pipe, standard
// input, another process. It does not wait for them.
func TestEnds(t *testing.T) {
	program := programUnderTest(t)
	archive, err := debiantest.Parse("Suite: bookworm\n\nPackage: good\n")
	if err != nil {
		t.Fatal(err)
	}
	upstream := debiantest.Start(t, archive)
	site := newVendorSite(t, program, archive)
	site.define(vendorArchive{}, upstream.URL, "bookworm", []string{"main"})
	site.run("build", site.dir, "--output", "oci:"+site.image)
	if err := syscall.Mkfifo(filepath.Join(site.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	remote := func(address string) string { return "docker://" + address + "/x:1" }
	for name, c := range map[string]stall{
		"lock, upstream": {func(s *vendorSite, address string) []string {
			dir := filepath.Join(s.TempDir(), "stalled")
			other := &vendorSite{T: s.T, program: s.program, dir: dir, home: s.home}
			if err := archive.WriteKeys(dir); err != nil {
				s.Fatal(err)
			}
			other.define(vendorArchive{}, "http://"+address, "bookworm", []string{"main"})
			return []string{"lock", dir}
		}, (*stalledRun).accepted},
		"build, the push": {func(s *vendorSite, address string) []string {
			return []string{"build", s.dir, "--insecure", "--output", remote(address)}
		}, (*stalledRun).accepted},
		"build, BuildKit": {func(s *vendorSite, address string) []string {
			return []string{"build", s.dir, "--buildkit", "tcp://" + address, "--output", "oci:" + filepath.Join(s.TempDir(), "out")}
		}, (*stalledRun).accepted},
		"build, another build": {func(s *vendorSite, address string) []string {
			dir := s.TempDir()
			f, err := os.Open(dir)
			if err == nil {
				err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
			}
			if err != nil {
				s.Fatal(err)
			}
			s.Cleanup(func() { f.Close() })
			return []string{"build", s.dir, "--output", "oci:" + dir}
		}, func(r *stalledRun) { r.says("waiting for another build")() }},
		"verify, a registry": {func(s *vendorSite, address string) []string {
			return []string{"verify", "--insecure", remote(address)}
		}, (*stalledRun).accepted},
		"verify, standard input": {func(s *vendorSite, address string) []string { return []string{"verify", "-"} }, (*stalledRun).stdinRead},
		"verify, a keyring": {func(s *vendorSite, address string) []string {
			return []string{"verify", "oci:" + s.image, "--keyring", filepath.Join(s.dir, "pipe")}
		}, (*stalledRun).pipeOpened},
		"bootstrap, a registry": {func(s *vendorSite, address string) []string {
			return []string{"bootstrap", "--insecure", "--image", remote(address), "--list"}
		}, (*stalledRun).accepted},
		"bootstrap, standard input": {func(s *vendorSite, address string) []string { return []string{"bootstrap", "--image", "-", "--list"} }, (*stalledRun).stdinRead},
		"kit, a registry": {func(s *vendorSite, address string) []string {
			return []string{"kit", "--insecure", remote(address), "--address", "http://mirror.example.org", "--to", filepath.Join(s.TempDir(), "kit")}
		}, (*stalledRun).accepted},
		"rules, a registry": {func(s *vendorSite, address string) []string {
			rules := filepath.Join(s.TempDir(), "rules.yaml")
			if err := os.WriteFile(rules, []byte("rules: []\n"), 0o644); err != nil {
				s.Fatal(err)
			}
			return []string{"rules", "check", "--insecure", rules, remote(address)}
		}, (*stalledRun).accepted},
		"rules, a pipe": {func(s *vendorSite, address string) []string {
			return []string{"rules", "check", filepath.Join(s.dir, "pipe"), "oci:" + s.image}
		}, (*stalledRun).pipeOpened},
		"report, a pipe":         {func(s *vendorSite, address string) []string { return []string{"report", filepath.Join(s.dir, "pipe")} }, (*stalledRun).pipeOpened},
		"report, standard input": {func(s *vendorSite, address string) []string { return []string{"report", "-"} }, (*stalledRun).stdinRead},
		"healthcheck": {func(s *vendorSite, address string) []string {
			return []string{"healthcheck", "--address", "http://" + address}
		}, (*stalledRun).accepted},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+", "+signal.String(), func(t *testing.T) {
				server, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer server.Close()
				read, write, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer write.Close()
				output, err := os.Create(filepath.Join(t.TempDir(), "output"))
				if err != nil {
					t.Fatal(err)
				}
				defer output.Close()
				run := *site
				run.T = t
				cmd := run.command(c.args(&run, server.Addr().String())...)
				cmd.Stdin, cmd.Stdout, cmd.Stderr = read, output, output
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				read.Close()
				r := &stalledRun{T: t, site: &run, server: server, stdin: write, output: output.Name(), ended: make(chan struct{})}
				result := make(chan error, 1)
				go func() {
					result <- cmd.Wait()
					close(r.ended)
				}()
				limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
				defer limit.Stop()
				defer cmd.Process.Kill()
				c.until(r)
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				err = <-result
				exit := new(exec.ExitError)
				if !errors.As(err, &exit) || exit.ExitCode() != 130 {
					said, _ := os.ReadFile(r.output)
					t.Errorf("%v, want exit code 130; it said:\n%s", err, said)
				}
			})
		}
	}
}
