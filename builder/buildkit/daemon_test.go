package buildkit

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// startDaemon runs a daemon that does not know any layers, and returns its
// address. A real buildkitd is among the end-to-end tests.
func startDaemon(t *testing.T) (addr string, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "buildkitd-") // t.TempDir may be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	nothing := &source{layers: &layerSet{}, images: []sourceImage{{platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}}}
	d, err := newDaemon(t.Context(), dir, nothing, nil, closers{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		d.server.Serve(l)
	}()
	t.Cleanup(func() {
		d.close()
		<-served
		os.RemoveAll(dir)
	})
	return "unix://" + socket, d.server.Stop
}

func TestDaemonMakesTheSameImage(t *testing.T) {
	r := newRegistry(t)
	addr, _ := startDaemon(t)
	for _, output := range outputs(t.TempDir(), r.host) {
		o, _ := options(t, output)
		o.Addr = addr
		var done, all int64
		o.Progress = func(n, total int64) { done, all = n, total }
		for range 2 {
			if sum := bakeTo(t, o); sum != goldenDigest {
				t.Errorf("%s: digest %s, want %s", output, sum, goldenDigest)
			}
			if done != all || all == 0 {
				t.Errorf("%s: done %d of %d", output, done, all)
			}
		}
	}
	checkPushed(t, r.host+"/site/tiny:1")
}

func TestDaemonGetsNoDamagedFile(t *testing.T) {
	addr, _ := startDaemon(t)
	out := t.TempDir()
	o, dir := options(t, "oci:"+out+"/new/out")
	o.Addr, o.Notes = addr, notes{}
	if _, err := describe(t.Context(), o, &meter{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "a_1.deb"), 1000); err != nil {
		t.Fatal(err)
	}
	_, err := Bake(t.Context(), o)
	if !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "a_1.deb: size mismatch") {
		t.Error(err)
	}
	if left := tree(t, out); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestDaemonGoesAway stops the daemon, or the client, in the middle.
func TestDaemonGoesAway(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		addr, stop := startDaemon(t)
		ctx, cancel := context.WithCancel(t.Context())
		out := t.TempDir()
		o, _ := options(t, "oci-archive:"+out+"/x.tar")
		o.Addr, o.Notes = addr, notes{}
		if _, err := describe(ctx, o, &meter{}); err != nil {
			t.Fatal(err)
		}
		o.Progress = func(done, _ int64) {
			switch {
			case done == 0:
			case cancels:
				cancel()
			default:
				go stop()
			}
		}
		if _, err := Bake(ctx, o); err == nil || errors.Is(err, context.Canceled) != cancels {
			t.Errorf("cancelled %t: %v", cancels, err)
		}
		cancel()
		if left := tree(t, out); len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestGoroutinesEnd knows of three that BuildKit lets sleep: for ten seconds, for
// a minute, and for ever.
func TestGoroutinesEnd(t *testing.T) {
	sleepers := []string{"solver.(*Job).Discard", "After.throttle", "history.NewQueue"}
	r := newRegistry(t)
	for _, output := range outputs(t.TempDir(), r.host) {
		o, _ := options(t, output)
		bakeTo(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(int64, int64) { cancel() }
		Bake(ctx, o)
	}
	var left []string
	for range 2400 { // they end soon, not at once
		left = nil
		stacks := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			theirs := containsAny(stack, "moby/buildkit", "containerd", "grpc", "http.(*persistConn)")
			if theirs && !containsAny(stack, sleepers...) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%d goroutines go on:\n%s", len(left), strings.Join(left, "\n\n"))
}
