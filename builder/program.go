package builder

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// programNote is the kind of note that holds the SHA-256 of a program, under a name for its file that changes with its content.
const programNote = "program"

// programEntries are the programs as files of their images.
func (b *Builder) programEntries(programs []Program) (all []tarlayer.Entry, err error) {
	for _, p := range programs {
		e, err := programEntry(p.File, b.Cache)
		if err == nil && p != (Program{runtime.GOARCH, b.Program}) { // which runs
			err = checkMachine(p)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// programEntry is this very program as a file of the image. It must be
// static: an image from scratch has no dynamic linker. notes know the digest of a program that was read before; they may be nil.
func programEntry(file string, notes tarlayer.Notes) (tarlayer.Entry, error) {
	if err := CheckStatic(file); err != nil {
		return tarlayer.Entry{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return tarlayer.Entry{}, err
	}
	defer f.Close()
	size, sum, err := programDigest(f, notes)
	if err != nil {
		return tarlayer.Entry{}, fmt.Errorf("%s: %w", file, err)
	}
	return tarlayer.Entry{
		Path: layout.ProgramPath, Mode: 0o755, Size: size, SHA256: sum,
		Open: func() (tarlayer.File, error) { return os.Open(file) },
	}, nil
}

func programDigest(f *os.File, notes tarlayer.Notes) (size int64, sum string, err error) {
	key, size, err := programKey(f)
	if err != nil {
		return 0, "", err
	}
	if notes != nil {
		if sum := string(notes.Note(programNote, key)); artifact.ValidSHA256(sum) {
			return size, sum, nil
		}
	}
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if notes != nil {
		notes.SetNote(programNote, key, []byte(sum)) // without it, the next run reads again
	}
	return size, sum, nil
}

// programKey names the content of a file without reading it: whatever changes the content changes the time of its inode, too, which
// nobody can set.
func programKey(f *os.File) (key string, size int64, err error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("%d-%d-%d-%d.%09d", s.Dev, s.Ino, s.Size, s.Ctim.Sec, s.Ctim.Nsec), s.Size, nil
}

// forgetProgram drops what notes say of a program that turned out to be another.
func forgetProgram(file string, notes tarlayer.Notes) {
	if f, err := os.Open(file); err == nil {
		defer f.Close()
		if key, _, err := programKey(f); err == nil {
			notes.SetNote(programNote, key, nil)
		}
	}
}

// CheckStatic fails where the program in the file needs a dynamic linker.
func CheckStatic(file string) error {
	program, err := elf.Open(file)
	if err != nil {
		return artifact.Hint(fmt.Errorf("this program cannot be put into an image: %s: %w", file, err), "build on Linux")
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return artifact.Hint(fmt.Errorf("this program cannot be put into an image: %s is linked dynamically", file),
				"build it with CGO_ENABLED=0, for example: CGO_ENABLED=0 go run ./cmd/minimirror build DEFINITION")
		}
	}
	return nil
}
