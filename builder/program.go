package builder

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// programEntry is this very program as the image's first file. It must be
// static: an image from scratch has no dynamic linker.
func programEntry(file string) (tarlayer.Entry, error) {
	if err := CheckStatic(file); err != nil {
		return tarlayer.Entry{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return tarlayer.Entry{}, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return tarlayer.Entry{}, fmt.Errorf("%s: %w", file, err)
	}
	return tarlayer.Entry{
		Path: layout.ProgramPath, Mode: 0o755, Size: size, SHA256: hex.EncodeToString(h.Sum(nil)),
		Open: func() (tarlayer.File, error) { return os.Open(file) },
	}, nil
}

// CheckStatic fails where the program in the file needs a dynamic linker.
func CheckStatic(file string) error {
	program, err := elf.Open(file)
	if err != nil {
		return artifact.Hint(fmt.Errorf("this program can't go into an image: %s: %w", file, err), "build on Linux")
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return artifact.Hint(fmt.Errorf("this program can't go into an image: %s is linked dynamically", file),
				"build it with CGO_ENABLED=0, for example: CGO_ENABLED=0 go run ./cmd/minimirror build DEFINITION")
		}
	}
	return nil
}
