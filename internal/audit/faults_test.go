//go:build unix

package audit_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
)

// TestMain lets the test program be another process, which writes and comes to grief.
func TestMain(m *testing.M) {
	switch file := os.Getenv("AUDIT_FILE"); os.Getenv("AUDIT_HELPER") {
	case "":
		os.Exit(m.Run())
	case "endless":
		writeForEver(file)
	case "full":
		fillDisk(file)
	case "stdout":
		outliveReader()
	}
}

// helper is this program as another process.
func helper(t *testing.T, name, file string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), "AUDIT_HELPER="+name, "AUDIT_FILE="+file)
	return cmd
}

// Sixteen writers, and files moved away beneath them as logrotate(8) does.
func TestRotation(t *testing.T) {
	const writers, lines, rotations = 16, 500, 40
	dir := t.TempDir()
	file := filepath.Join(dir, "audit.log")
	log := open(t, file)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				r := sample()
				r.ID = fmt.Sprintf("%d-%d", w, i)
				log.Write(r)
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	files := []string{file}
	for i := range rotations {
		old := fmt.Sprintf("%s.%d", file, i)
		must(t, os.Rename(file, old))
		must(t, log.Reopen())
		files = append(files, old)
		<-time.After(time.Millisecond)
	}
	<-done
	must(t, log.Close())
	seen := map[string]bool{}
	for _, f := range files {
		records, skipped := read(t, f)
		if skipped > 0 {
			t.Errorf("%s: %d lines are not whole", f, skipped)
		}
		for _, r := range records {
			if seen[r.ID] {
				t.Errorf("%s is repeated", r.ID)
			}
			seen[r.ID] = true
		}
	}
	if len(seen) != writers*lines || log.Errors() != 0 {
		t.Errorf("%d lines of %d, %d errors", len(seen), writers*lines, log.Errors())
	}
}

func TestReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	must(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(dir, "audit.log")
	log := open(t, file)
	moved := dir + ".away"
	must(t, os.Rename(dir, moved))
	if err := log.Reopen(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
	log.Write(sample())
	if got := text(t, filepath.Join(moved, "audit.log")); got != sampleLine {
		t.Errorf("the old file has %q", got)
	}
	must(t, os.Rename(moved, dir))
	must(t, log.Reopen())
	log.Write(sample())
	if got := text(t, file); got != sampleLine+sampleLine {
		t.Errorf("the file has %q", got)
	}
}

func writeForEver(file string) {
	log, err := audit.Open(file, nil)
	if err != nil {
		panic(err)
	}
	for range 16 {
		go func() {
			for {
				log.Write(sample())
			}
		}()
	}
	select {}
}

// Each process is killed while it writes, and each begins with a new line.
func TestKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	const kills = 10
	size := int64(0)
	for range kills {
		cmd := helper(t, "endless", file)
		must(t, cmd.Start())
		for want := size + 200_000; size < want; {
			time.Sleep(time.Millisecond)
			if info, err := os.Stat(file); err == nil {
				size = info.Size()
			}
		}
		must(t, cmd.Process.Kill())
		cmd.Wait()
	}
	records, skipped := read(t, file)
	if skipped > 0 || len(records) < kills*200_000/len(sampleLine) {
		t.Errorf("%d lines, and %d that are not whole", len(records), skipped)
	}
}

// fillDisk writes ten lines where there is room for three and a half, makes room, and writes one more.
func fillDisk(file string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	small := limit
	small.Cur = uint64(len(sampleLine) * 7 / 2)
	log, err := audit.Open(file, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small)
	}
	if err != nil {
		panic(err)
	}
	for range 10 {
		log.Write(sample())
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	log.Write(sample())
	fmt.Println("lost", log.Errors())
}

// A disk is full in the middle of a line, as the limit of a file's size makes it for any user.
func TestFullDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	cmd := helper(t, "full", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || string(out) != "lost 7\n" {
		t.Fatalf("%v: %s%s", err, out, &stderr)
	}
	if n := strings.Count(stderr.String(), "a line is lost"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, &stderr)
	}
	records, skipped := read(t, file)
	if len(records) != 4 || skipped != 1 {
		t.Errorf("%d lines, and %d that are not whole:\n%s", len(records), skipped, text(t, file))
	}
}

// ENOSPC of every write, until there is another file.
func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "audit.log")
	must(t, os.Symlink("/dev/full", file))
	log := open(t, file)
	log.Write(sample())
	log.Write(sample())
	if log.Errors() != 2 {
		t.Errorf("%d errors", log.Errors())
	}
	must(t, os.Remove(file))
	must(t, log.Reopen())
	log.Write(sample())
	if got := text(t, file); got != sampleLine || log.Errors() != 2 {
		t.Errorf("%d errors, the file has %q", log.Errors(), got)
	}
	must(t, log.Close())
	if log.Write(sample()); log.Errors() != 3 {
		t.Errorf("%d errors after Close", log.Errors())
	}
}

func TestTornEnd(t *testing.T) {
	for before, skipped := range map[string]int{"": 0, "\n": 0, sampleLine: 0, sampleLine[:30]: 1, sampleLine + sampleLine[:30]: 1} {
		file := filepath.Join(t.TempDir(), "audit.log")
		must(t, os.WriteFile(file, []byte(before), 0o600))
		log := open(t, file)
		log.Write(sample())
		log.Write(sample())
		want := before + sampleLine + sampleLine
		if skipped > 0 {
			want = before + "\n" + sampleLine + sampleLine
		}
		if got := text(t, file); got != want {
			t.Errorf("behind %q: %q", before, got)
		}
	}
}

// outliveReader writes to standard output until its reader is gone, and says so.
func outliveReader() {
	log, err := audit.Open(audit.Stdout, nil)
	if err != nil {
		panic(err)
	}
	for log.Errors() == 0 {
		log.Write(sample())
	}
	if err := log.Reopen(); err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, "alive")
}

func TestStandardOutput(t *testing.T) {
	cmd := helper(t, "stdout", "")
	out, err := cmd.StdoutPipe()
	must(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != sampleLine {
		t.Errorf("%v: %q", err, line)
	}
	must(t, out.Close())
	if err := cmd.Wait(); err != nil || stderr.String() != "alive\n" {
		t.Errorf("%v: %s", err, &stderr)
	}
}

func TestOpenFails(t *testing.T) {
	for _, file := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none", "audit.log"), ""} {
		if _, err := audit.Open(file, nil); err == nil || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%q: error %v", file, err)
		}
	}
}
