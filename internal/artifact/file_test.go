package artifact

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadFileRefuses opens what is no file: it must not wait for a writer.
func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		pipe: "not a regular file but a pipe", link: "not a regular file but a pipe", socket: "a socket",
		"/dev/zero": "not a regular file but a device", dir: "not a regular file but a directory", filepath.Join(dir, "none"): "no such file",
	} {
		if _, err := ReadFile(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
		if file == pipe || file == link {
			continue
		}
		if _, err := ReadInput(context.Background(), file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("input %s: got %v, want %s", file, err, want)
		}
	}
}

// TestReadInput reads a pipe that has a writer, and gives up on one that has none.
func TestReadInput(t *testing.T) {
	dir := t.TempDir()
	idle, pipe := filepath.Join(dir, "idle"), filepath.Join(dir, "pipe")
	for _, name := range []string{idle, pipe} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, err := ReadInput(ctx, idle); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
	go os.WriteFile(pipe, []byte("text"), 0)
	if data, err := ReadInput(context.Background(), pipe); err != nil || string(data) != "text" {
		t.Errorf("got %q, %v", data, err)
	}
}
