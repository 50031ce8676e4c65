package bench

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildProgram builds the program as it is given to users.
func buildProgram(b *testing.B) string {
	program := filepath.Join(b.TempDir(), "minimirror")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "../../cmd/minimirror")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// A process is the program at work.
type process struct {
	cmd     *exec.Cmd
	address string
	took    time.Duration // from exec to the first byte of an answer
}

func start(b *testing.B, program string, args []string) process {
	p := process{address: freeAddress(b)}
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	must(b, err)
	defer log.Close()
	p.cmd = exec.Command(program, append(args, "--listen", p.address)...)
	p.cmd.Stderr = log
	began := time.Now()
	must(b, p.cmd.Start())
	for {
		c, err := net.Dial("tcp", p.address)
		if err == nil {
			_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", firstAsked)
			must(b, err)
			_, err = io.ReadFull(c, make([]byte, len("HTTP/1.1 200")))
			must(b, err)
			p.took = time.Since(began)
			must(b, c.Close())
			return p
		}
		if time.Since(began) > time.Minute {
			text, _ := os.ReadFile(log.Name())
			b.Fatalf("%v: no answer: %s", p.cmd, text)
		}
		time.Sleep(time.Millisecond)
	}
}

func (p process) stop(b *testing.B) {
	must(b, p.cmd.Process.Signal(syscall.SIGTERM))
	must(b, p.cmd.Wait())
}

// memory is a line of proc(5)'s "status", in MB.
func (p process) memory(b *testing.B, key string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(b, err)
	_, rest, _ := strings.Cut(string(status), "\n"+key+":")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	must(b, err)
	return float64(kB) / 1000
}
