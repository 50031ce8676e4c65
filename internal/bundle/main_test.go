package bundle_test

import (
	"log"
	"os"
	"testing"
)

// TestMain lets the tests work in memory if there is a file system for that: they import thousands of times, and each import waits for the disk.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("/dev/shm", "minimirror-test-*")
	if err != nil {
		os.Exit(m.Run())
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
	os.Exit(code)
}
