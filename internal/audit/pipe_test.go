package audit_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
)

// A reader that stands still makes nobody wait; what it does not take is counted.
func TestReaderThatStandsStill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	log, err := audit.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	const lines = 20_000
	for i := range lines {
		log.Write(fetched(i, 1, "bash", 1))
	}
	if lost := log.Errors(); lost == 0 || lost >= lines {
		t.Errorf("%d lines are lost", lost)
	}
	if err := log.Close(); err == nil {
		t.Error("what nobody has read is not told of")
	}
	log.Write(fetched(0, 1, "bash", 1)) // no panic
}
