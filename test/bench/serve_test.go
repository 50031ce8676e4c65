// Package bench measures miniMirror against its rivals, in the same run and over
// the same files, and prints the ratios.
//
//	go test -run '^$' -bench . ./test/bench
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

const (
	rounds    = 3 // of each server, in turn
	roundTime = "2s"
)

// sizes are what clients fetch: small, usual and large packages, and an index.
var sizes = []struct {
	name  string
	bytes int
	files int
}{{"5kB", 5_000, 100}, {"90kB", 90_000, 100}, {"10MB", 10_000_000, 2}, {"36MB", 36_000_000, 2}}

// BenchmarkServe compares requests per second with nginx, which sends the same files by sendfile. Both write a line
// for each request to a file; ours goes by 20 rules, too. "ratio" is the median over the rounds of ours to
// nginx's; "cpu-ratio" that of nginx's processor time for a request to ours, with the client's, which other work on
// the machine disturbs less.
func BenchmarkServe(b *testing.B) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Fatalf("%v\nhint: apt-get install nginx-light wrk", err)
		}
	}
	dir := b.TempDir()
	m := imagetest.New(b, imagetest.Spec{Artifacts: content()})
	imagetest.WriteDir(b, filepath.Join(dir, "oci"), m.Layout(b))
	m.WriteRoot(b, filepath.Join(dir, "root"))
	theirs := startNginx(b, filepath.Join(dir, "root"))
	defer theirs.stop()
	ours := startOurs(b, dir)
	defer ours.stop()
	for at := range sizes {
		script := requests(b, dir, at)
		for _, connections := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/connections=%d", sizes[at].name, connections), func(b *testing.B) {
				for b.Loop() {
					var ratios, rates, costs []float64
					for range rounds {
						their, our := wrk(b, script, connections, theirs), wrk(b, script, connections, ours)
						ratios, rates = append(ratios, our.rate/their.rate), append(rates, our.rate)
						costs = append(costs, their.cost/our.cost)
					}
					b.ReportMetric(median(ratios), "ratio")
					b.ReportMetric(median(costs), "cpu-ratio")
					b.ReportMetric(median(rates), "requests/s")
					b.ReportMetric(median(rates)*float64(sizes[at].bytes)/1e6, "MB/s")
				}
			})
		}
	}
}

func content() map[string]string {
	source := rand.NewChaCha8([32]byte{})
	files := map[string]string{}
	for at, size := range sizes {
		for i := range size.files {
			data := make([]byte, size.bytes)
			source.Read(data)
			files[name(at, i)] = string(data)
		}
	}
	return files
}

func name(size, i int) string {
	return fmt.Sprintf("pool/main/p/package%d/package%d_%s_amd64.deb", i, i, sizes[size].name)
}

// requests writes a wrk script that asks for one file of a size after the other.
func requests(b *testing.B, dir string, size int) string {
	var lua strings.Builder
	fmt.Fprintln(&lua, "local r, i = {}, 0\ninit = function(args)")
	for i := range sizes[size].files {
		fmt.Fprintf(&lua, "r[%d] = wrk.format(\"GET\", \"/files/%s\")\n", i, name(size, i))
	}
	fmt.Fprintf(&lua, "end\nrequest = function() i = (i + 1) %% %d; return r[i] end\n", sizes[size].files)
	file := filepath.Join(dir, sizes[size].name+".lua")
	must(b, os.WriteFile(file, []byte(lua.String()), 0o644))
	return file
}

// A result is of one round.
type result struct {
	rate float64 // requests per second
	cost float64 // processor time of server and client per request, in seconds
}

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	inAll     = regexp.MustCompile(`(\d+) requests in`)
)

// wrk runs the client against a server, whose process is given.
func wrk(b *testing.B, script string, connections int, s running) result {
	b.Helper()
	before := processorTime(b, s.pids)
	cmd := exec.Command("wrk", "-t1", "-c", strconv.Itoa(connections), "-d", roundTime, "-s", script, "http://"+s.address)
	out, err := cmd.CombinedOutput()
	must(b, err)
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		b.Fatalf("wrk: %s", out)
	}
	number := func(expression *regexp.Regexp) float64 {
		found := expression.FindSubmatch(out)
		if found == nil {
			b.Fatalf("wrk: %s", out)
		}
		n, err := strconv.ParseFloat(string(found[1]), 64)
		must(b, err)
		return n
	}
	spent := processorTime(b, s.pids) - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return result{number(perSecond), spent.Seconds() / number(inAll)}
}

// processorTime is what the processes have used; see proc(5), "stat".
func processorTime(b *testing.B, pids []int) time.Duration {
	b.Helper()
	var ticks int
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		must(b, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] {
			n, err := strconv.Atoi(field)
			must(b, err)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}

// A running server.
type running struct {
	address string
	pids    []int
	stop    func()
}

// startNginx starts Debian's nginx on a port of its own, as an ordinary
// configuration for static files has it.
func startNginx(b *testing.B, root string) running {
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	address := l.Addr().String()
	l.Close()
	log := filepath.Join(dir, "access.log")
	config := fmt.Sprintf(`
daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes auto;
events { worker_connections 1024; }
http {
	sendfile on; tcp_nopush on; access_log %[4]s; keepalive_requests 1000000;
	types { application/vnd.debian.binary-package deb; } default_type application/octet-stream;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; root %[3]s; }
}
`, dir, address, root, log)
	if os.Getuid() == 0 { // its workers read what only we may
		config = "user root;" + config
	}
	file := filepath.Join(dir, "nginx.conf")
	must(b, os.WriteFile(file, []byte(config), 0o644))
	cmd := exec.Command("nginx", "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.Stderr = os.Stderr
	must(b, cmd.Start())
	waitFor(b, address)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
	must(b, err)
	var workers []int
	for _, field := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(field)
		must(b, err)
		workers = append(workers, pid)
	}
	return running{address, workers, func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}}
}

func startOurs(b *testing.B, dir string) running {
	img, err := image.Open(image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "oci")})
	must(b, err)
	log, err := audit.Open(filepath.Join(b.TempDir(), "audit.log"), nil)
	must(b, err)
	file := filepath.Join(b.TempDir(), "rules.yaml")
	text := "rules:\n"
	for i := range 10 {
		text += fmt.Sprintf(" - deny: { package: [bad-%d*, worse-%d] }\n - deny: { package: pool/main/p/old%d*, client: 10.%d.0.0/16 }\n", i, i, i, i)
	}
	must(b, os.WriteFile(file, []byte(text), 0o644))
	options := server.Options{Image: img, Kinds: []artifact.Kind{files{}}, Rules: file, Audit: log}
	s, err := server.New(options)
	must(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	waitFor(b, l.Addr().String())
	return running{l.Addr().String(), []int{os.Getpid()}, func() {
		cancel()
		must(b, <-done)
		must(b, errors.Join(img.Close(), log.Close()))
	}}
}

// waitFor waits until the first package can be had in whole.
func waitFor(b *testing.B, address string) {
	for range 1000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
	}
	r, err := http.Get("http://" + address + "/files/" + name(0, 0))
	must(b, err)
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != int64(sizes[0].bytes) || r.StatusCode != 200 {
		b.Fatalf("%s: %s, %d bytes, %v", address, r.Status, n, err)
	}
}

// files serves imagetest's source as a kind of static files does.
type files struct{ artifact.Kind }

func (files) Name() string                         { return imagetest.Kind }
func (files) Routes(artifact.Mirror) []string      { return []string{"/" + imagetest.Source + "/"} }
func (files) Usage(artifact.Mirror, string) string { return "" }
func (files) Properties() []string                 { return nil }
func (files) Handler(m artifact.Mirror) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/vnd.debian.binary-package"}
		m.ServeFile(w, r, strings.TrimPrefix(r.URL.Path, "/"))
	})
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
