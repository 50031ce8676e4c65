package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// programUnderTest is $MINIMIRROR, or the program built once from this checkout.
func programUnderTest(t testing.TB) string {
	t.Helper()
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

var (
	built        string // set by buildProgram; TestMain removes its folder
	buildProgram = sync.OnceValues(func() (string, error) {
		if program := os.Getenv("MINIMIRROR"); program != "" {
			if filepath.Base(program) != "minimirror" {
				return "", fmt.Errorf("MINIMIRROR is %s: the file must be called minimirror", program)
			}
			return program, nil
		}
		dir, err := os.MkdirTemp("", "minimirror-e2e.")
		if err != nil {
			return "", err
		}
		built = filepath.Join(dir, "minimirror")
		build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", built, "../../cmd/minimirror")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return built, nil
	})
)
