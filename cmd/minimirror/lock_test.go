package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// Who locks a whole archive by mistake is warned before anything of it is fetched.
func TestWarnOfSize(t *testing.T) {
	for size, want := range map[int64]string{50_000_000_000: "", 50_000_000_001: `msg="the lock is very large; `} {
		var stderr bytes.Buffer
		newCommand("lock", io.Discard, &stderr).warnOfSize(&lockfile.Lock{Items: []artifact.Item{{Files: []artifact.File{{Size: size}}}, {Files: []artifact.File{{Size: 50_000_000_000}}}}})
		if got := stderr.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
}
