// Package bench measures miniMirror against its rivals, in the same run and over
// the same files, and prints the ratios.
//
//	go test -run '^$' -bench . ./test/bench
package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	rounds    = 3 // of each server, in turn
	roundTime = "2s"
	index     = "debian/dists/bookworm/main/binary-amd64/Packages.gz"
)

// sizes are what clients fetch: small, usual and large packages.
var sizes = []struct {
	name  string
	bytes int64
	files int
}{{"5kB", 5_000, 100}, {"90kB", 90_000, 100}, {"10MB", 10_000_000, 2}, {"36MB", 36_000_000, 2}}

// BenchmarkServe compares a mirror of 5,000 packages with Debian's nginx, which sends the same files by sendfile. Both write
// a line for each request to a file; ours goes by 20 rules, too, and its index is the one that it has made for them.
//
// "ratio" is the median over the rounds of ours to nginx's requests per second (of large files, bytes per second); "cpu-ratio" that of
// nginx's processor time for a request to ours, with the client's, which other work on the machine disturbs less.
func BenchmarkServe(b *testing.B) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Fatalf("%v\nhint: apt-get install nginx-light wrk", err)
		}
	}
	config, dir := b.TempDir(), b.TempDir()
	b.Setenv("XDG_CONFIG_HOME", config)
	root, paths := servedTree(b)
	paths["index"] = []string{index}
	theirs, stop := startNginx(b, root)
	defer stop()
	rules := filepath.Join(dir, "rules.yaml")
	must(b, os.WriteFile(rules, rulesFile(20), 0o644))
	ours := start(b, buildProgram(b), []string{"serve", "--root", root, "--audit", filepath.Join(dir, "audit.log"), "--rules", rules,
		"--sign-key", filepath.Join(config, "minimirror", "signing-key.asc")})
	defer ours.stop(b)
	us := running{ours.address, []int{ours.cmd.Process.Pid}}
	for _, what := range []string{"5kB", "90kB", "10MB", "36MB", "index"} {
		script := requests(b, filepath.Join(dir, what+".lua"), paths[what])
		for _, connections := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/connections=%d", what, connections), func(b *testing.B) {
				for b.Loop() {
					var ratios, rates, speeds, costs []float64
					for range rounds {
						their, our := wrk(b, script, connections, theirs), wrk(b, script, connections, us)
						if strings.HasSuffix(what, "MB") { // few are whole when the time is over
							ratios = append(ratios, our.speed/their.speed)
						} else {
							ratios = append(ratios, our.rate/their.rate)
						}
						rates, speeds = append(rates, our.rate), append(speeds, our.speed)
						costs = append(costs, their.cost/our.cost)
					}
					b.ReportMetric(median(ratios), "ratio")
					b.ReportMetric(median(costs), "cpu-ratio")
					b.ReportMetric(median(rates), "requests/s")
					b.ReportMetric(median(speeds), "MB/s")
				}
			})
		}
	}
	fmt.Printf("VmHWM %.1f MB after all\n", ours.memory(b, "VmHWM"))
}

// servedTree writes an unpacked image of 5,000 packages, some of which have files of the sizes. It returns
// the paths of these, by size.
func servedTree(b *testing.B) (root string, paths map[string][]string) {
	packages := hostPackages(b)
	packages = packages[:min(5000, len(packages))]
	content, paths := map[string][]byte{}, map[string][]string{}
	source := rand.NewChaCha8([32]byte{})
	at := 0
	for _, size := range sizes {
		for range size.files {
			data := make([]byte, size.bytes)
			source.Read(data)
			sum := sha256.Sum256(data)
			for slices.Contains(packages[at].Metadata, "Section: games") { // the rules deny it
				at++
			}
			p := &packages[at]
			p.Files[0].Size, p.Files[0].SHA256 = size.bytes, hex.EncodeToString(sum[:])
			content[p.ID()] = data
			paths[size.name] = append(paths[size.name], p.ID())
			at += 5
		}
	}
	root = packageTree(b, packages)
	for name, data := range content {
		file := filepath.Join(root, name)
		must(b, os.MkdirAll(path.Dir(file), 0o755))
		must(b, os.WriteFile(file, data, 0o644))
	}
	return root, paths
}

// requests writes a wrk script that asks for one path after the other.
func requests(b *testing.B, file string, paths []string) string {
	var lua strings.Builder
	fmt.Fprintln(&lua, "local r, i = {}, 0\ninit = function(args)")
	for i, p := range paths {
		fmt.Fprintf(&lua, "r[%d] = wrk.format(\"GET\", \"%s\")\n", i, (&url.URL{Path: "/" + p}).EscapedPath())
	}
	fmt.Fprintf(&lua, "end\nrequest = function() i = (i + 1) %% %d; return r[i] end\n", len(paths))
	must(b, os.WriteFile(file, []byte(lua.String()), 0o644))
	return file
}

// A result is of one round.
type result struct {
	rate  float64 // requests per second
	speed float64 // MB per second
	cost  float64 // processor time of server and client per MB, in seconds
}

var (
	requestRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	byteRate    = regexp.MustCompile(`Transfer/sec:\s+([0-9.]+)([KMG])B`)
	refused     = regexp.MustCompile(`Non-2xx|Socket errors: (connect [^0]|.* read [^0]|.* write [^0])`) // timeouts are of large files
	unit        = map[string]float64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
)

// wrk runs the client against a server.
func wrk(b *testing.B, script string, connections int, s running) result {
	b.Helper()
	before, began := processorTime(b, s.pids), time.Now()
	cmd := exec.Command("wrk", "-t1", "-c", strconv.Itoa(connections), "-d", roundTime, "-s", script, "http://"+s.address)
	out, err := cmd.CombinedOutput()
	must(b, err)
	took := time.Since(began)
	requests, bytes := requestRate.FindSubmatch(out), byteRate.FindSubmatch(out)
	if refused.Match(out) || requests == nil || bytes == nil {
		b.Fatalf("wrk: %s", out)
	}
	rate, err := strconv.ParseFloat(string(requests[1]), 64)
	must(b, err)
	speed, err := strconv.ParseFloat(string(bytes[1]), 64)
	must(b, err)
	speed *= unit[string(bytes[2])] / 1e6
	spent := processorTime(b, s.pids) - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return result{rate, speed, spent.Seconds() / (speed * took.Seconds())}
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
}

// startNginx starts Debian's nginx on a port of its own, as an ordinary
// configuration for static files has it.
func startNginx(b *testing.B, root string) (s running, stop func()) {
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	address := l.Addr().String()
	l.Close()
	config := fmt.Sprintf(`
daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes auto;
events { worker_connections 1024; }
http {
	sendfile on; tcp_nopush on; access_log %[1]s/access.log; keepalive_requests 1000000;
	types { application/vnd.debian.binary-package deb; } default_type application/octet-stream;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; root %[3]s; }
}
`, dir, address, root)
	if os.Getuid() == 0 { // its workers read what only we may
		config = "user root;" + config
	}
	file := filepath.Join(dir, "nginx.conf")
	must(b, os.WriteFile(file, []byte(config), 0o644))
	cmd := exec.Command("nginx", "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.Stderr = os.Stderr
	must(b, cmd.Start())
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
		if time.Since(began) > time.Minute {
			stop()
			b.Fatal("nginx does not answer")
		}
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
	must(b, err)
	for _, field := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(field)
		must(b, err)
		s.pids = append(s.pids, pid)
	}
	s.address = address
	return s, stop
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
