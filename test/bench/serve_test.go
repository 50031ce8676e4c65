// Package bench measures miniMirror against its rivals, in the same run and over
// the same files, and prints the ratios.
//
//	go test -run '^$' -bench . ./test/bench
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/server"
)

const (
	packages    = 100
	packageSize = 90_000 // bytes, near the median of Debian's packages that matter
	rounds      = 9      // of each server, in turn
	roundTime   = "1s"
	connections = 32
)

// BenchmarkServe compares requests per second with nginx, which sends the same files by
// sendfile. "ratio" is the median over the rounds of ours to nginx's; "cpu-ratio" that of nginx's
// processor time for a request to ours, with the client's, which other work on the machine disturbs less.
func BenchmarkServe(b *testing.B) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Fatalf("%v\nhint: apt-get install nginx-light wrk", err)
		}
	}
	dir := b.TempDir()
	m := imagetest.New(b, imagetest.Spec{Artifacts: content()})
	imagetest.WriteDir(b, filepath.Join(dir, "oci"), m.Layout(b))
	imagetest.WriteTar(b, filepath.Join(dir, "docker.tar"), m.Docker(b))
	m.WriteRoot(b, filepath.Join(dir, "root"))
	script := requests(b, dir)

	for _, form := range []string{"oci", "docker-archive", "root"} {
		for _, logged := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/log=%v", form, logged), func(b *testing.B) {
				theirs := startNginx(b, filepath.Join(dir, "root"), logged)
				defer theirs.stop()
				ours := startOurs(b, dir, form, logged)
				defer ours.stop()
				for b.Loop() {
					var ratios, rates, costs []float64
					for range rounds {
						their, our := wrk(b, script, theirs), wrk(b, script, ours)
						ratios, rates = append(ratios, our.rate/their.rate), append(rates, our.rate)
						costs = append(costs, their.cost/our.cost)
					}
					b.ReportMetric(median(ratios), "ratio")
					b.ReportMetric(median(costs), "cpu-ratio")
					b.ReportMetric(median(rates), "requests/s")
				}
			})
		}
	}
}

func content() map[string]string {
	source := rand.NewChaCha8([32]byte{})
	files := map[string]string{}
	for i := range packages {
		data := make([]byte, packageSize)
		source.Read(data)
		files[name(i)] = string(data)
	}
	return files
}

func name(i int) string { return fmt.Sprintf("pool/main/p/package%d/package%d_1.0-1_amd64.deb", i, i) }

// requests writes a wrk script that asks for one file after the other.
func requests(b *testing.B, dir string) string {
	var lua strings.Builder
	fmt.Fprintln(&lua, "local r, i = {}, 0\ninit = function(args)")
	for i := range packages {
		fmt.Fprintf(&lua, "r[%d] = wrk.format(\"GET\", \"/files/%s\")\n", i, name(i))
	}
	fmt.Fprintf(&lua, "end\nrequest = function() i = (i + 1) %% %d; return r[i] end\n", packages)
	file := filepath.Join(dir, "requests.lua")
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
func wrk(b *testing.B, script string, s running) result {
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
func startNginx(b *testing.B, root string, logged bool) running {
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	address := l.Addr().String()
	l.Close()
	log := "off"
	if logged {
		log = filepath.Join(dir, "access.log")
	}
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

func startOurs(b *testing.B, dir, form string, logged bool) running {
	var img *image.Image
	var err error
	switch form {
	case "root":
		img, err = image.OpenRoot(filepath.Join(dir, "root"))
	case "oci":
		img, err = image.Open(image.Reference{Transport: form, Path: filepath.Join(dir, "oci")})
	default:
		img, err = image.Open(image.Reference{Transport: form, Path: filepath.Join(dir, "docker.tar")})
	}
	must(b, err)
	options := server.Options{Image: img, Kinds: []artifact.Kind{files{}}}
	if logged {
		log, err := os.Create(filepath.Join(b.TempDir(), "access.log"))
		must(b, err)
		options.Log = slog.New(slog.NewTextHandler(log, nil))
	}
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
		must(b, img.Close())
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
	r, err := http.Get("http://" + address + "/files/" + name(0))
	must(b, err)
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != packageSize || r.StatusCode != 200 {
		b.Fatalf("%s: %s, %d bytes, %v", address, r.Status, n, err)
	}
}

// files serves imagetest's source as a kind of static files does.
type files struct{ artifact.Kind }

func (files) Name() string                         { return imagetest.Kind }
func (files) Routes(artifact.Mirror) []string      { return []string{"/" + imagetest.Source + "/"} }
func (files) Usage(artifact.Mirror, string) string { return "" }
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
