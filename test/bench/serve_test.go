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
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	rounds    = 5 // of each server, in turn
	roundTime = "2s"
	index     = "debian/dists/bookworm/main/binary-amd64/Packages.gz"
)

// sizes are what clients fetch: small, usual and large packages.
var sizes = []struct {
	name  string
	bytes int64
	files int
}{{"5kB", 5_000, 100}, {"90kB", 90_000, 100}, {"1MB", 1_000_000, 4}, {"10MB", 10_000_000, 2}}

// BenchmarkServe compares a mirror of 5,000 packages with Debian's nginx, which sends the same files by sendfile. Both write
// a line for each request to a file; ours goes by 20 rules, too, and its index is the one that it has made for them. The two take turns.
//
// It prints a table. "processor" is the server's processor time for a request, which depends on the machine; "ratio" is that to nginx's in the
// same round, which depends on it less. Both are medians, with the least and the most of the rounds in brackets. Requests per second depend on
// everything else that the machine does, the client included. "garbage" is the memory that the server allocates for a request.
func BenchmarkServe(b *testing.B) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Fatalf("%v\nhint: apt-get install nginx-light wrk", err)
		}
	}
	config, dir := b.TempDir(), b.TempDir()
	b.Setenv("XDG_CONFIG_HOME", config)
	root, paths := servedTree(b)
	paths["index"], paths["front page"] = []string{index}, []string{""}
	theirs, stop := startNginx(b, root)
	defer stop()
	rules := filepath.Join(dir, "rules.yaml")
	must(b, os.WriteFile(rules, rulesFile(20), 0o644))
	metrics := freeAddress(b)
	ours := start(b, buildProgram(b), []string{"serve", "--root", root, "--audit", filepath.Join(dir, "audit.log"), "--rules", rules,
		"--sign-key", filepath.Join(config, "minimirror", "signing-key.asc"), "--metrics", metrics})
	defer ours.stop(b)
	us := running{address: ours.address, metrics: metrics, pids: []int{ours.cmd.Process.Pid}}
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "file\tconnections\tprocessor\tnginx\tratio\trequests/s\tnginx\tgarbage")
	for _, what := range []string{"5kB", "90kB", "1MB", "10MB", "index", "denied", "front page"} {
		script := requests(b, filepath.Join(dir, what+".lua"), paths[what])
		for _, connections := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/connections=%d", what, connections), func(b *testing.B) {
				var cost, theirCost, ratio, rate, theirRate, garbage []float64
				for b.Loop() {
					for range rounds {
						our := wrk(b, script, what, connections, us)
						cost, rate, garbage = append(cost, our.cost), append(rate, our.rate), append(garbage, our.garbage)
						if what == "denied" || what == "front page" { // nginx has none
							continue
						}
						their := wrk(b, script, what, connections, theirs)
						theirCost, theirRate, ratio = append(theirCost, their.cost), append(theirRate, their.rate), append(ratio, our.cost/their.cost)
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(cost), "cpu-µs/request")
				b.ReportMetric(median(rate), "requests/s")
				b.ReportMetric(median(garbage), "B/request")
				if ratio != nil {
					b.ReportMetric(median(ratio), "cpu-ratio")
				}
				fmt.Fprintf(columns, "%s\t%d\t%s µs\t%s µs\t%s\t%s\t%s\t%.0f B\n", what, connections, spread("%.0f", cost), spread("%.0f", theirCost),
					spread("%.2f", ratio), spread("%.0f", rate), spread("%.0f", theirRate), median(garbage))
			})
		}
	}
	must(b, columns.Flush())
	fmt.Printf("\n%sVmHWM %.1f MB after all\n", &table, ours.memory(b, "VmHWM"))
}

// spread is the median with the least and the most.
func spread(format string, list []float64) string {
	if len(list) == 0 {
		return "-"
	}
	return fmt.Sprintf(format+" ["+format+" "+format+"]", median(list), slices.Min(list), slices.Max(list))
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
	for _, p := range packages {
		if slices.Contains(p.Metadata, "Section: games") && len(paths["denied"]) < 100 {
			paths["denied"] = append(paths["denied"], p.ID())
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
	rate    float64 // requests per second
	cost    float64 // processor time of the server for a request, in µs
	garbage float64 // bytes allocated for a request
}

var (
	requestCount = regexp.MustCompile(`(\d+) requests in ([0-9.]+)s, ([0-9.]+)([KMG])B read`)
	refused      = regexp.MustCompile(`Socket errors: (connect [^0]|.* read [^0]|.* write [^0])`) // timeouts are of large files
	unit         = map[string]float64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
	allocated    = regexp.MustCompile(`(?m)^go_memstats_alloc_bytes_total (\S+)$`)
)

// wrk runs the client against a server.
func wrk(b *testing.B, script, what string, connections int, s running) (r result) {
	b.Helper()
	before, garbage := processorTime(b, s.pids), s.allocated(b)
	out, err := exec.Command("wrk", "-t1", "-c", strconv.Itoa(connections), "-d", roundTime, "-s", script, "http://"+s.address).CombinedOutput()
	must(b, err)
	spent := processorTime(b, s.pids) - before
	count := requestCount.FindSubmatch(out)
	if count == nil || refused.Match(out) || strings.Contains(string(out), "Non-2xx") != (what == "denied") {
		b.Fatalf("wrk: %s", out)
	}
	n, took := number(b, count[1]), number(b, count[2])
	for _, size := range sizes {
		if what == size.name && size.bytes >= 1_000_000 { // few are whole when the time is over
			n = number(b, count[3]) * unit[string(count[4])] / float64(size.bytes)
		}
	}
	return result{n / took, float64(spent.Nanoseconds()) / 1000 / n, (s.allocated(b) - garbage) / n}
}

func number(b *testing.B, text []byte) float64 {
	n, err := strconv.ParseFloat(string(text), 64)
	must(b, err)
	return n
}

// processorTime is what the threads of processes have used: /proc/PID/task/TID/schedstat, which counts nanoseconds.
func processorTime(b *testing.B, pids []int) (sum time.Duration) {
	b.Helper()
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		must(b, err)
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			must(b, err)
			used, _, _ := strings.Cut(string(stat), " ")
			sum += time.Duration(number(b, []byte(used)))
		}
	}
	return sum
}

// A running server.
type running struct {
	address string
	metrics string // where it tells what it has allocated; empty: it does not
	pids    []int
}

// allocated is how many bytes the server has allocated so far.
func (s running) allocated(b *testing.B) float64 {
	if s.metrics == "" {
		return 0
	}
	text, err := fetch(http.DefaultClient, s.metrics, "/metrics")
	must(b, err)
	found := allocated.FindStringSubmatch(text)
	if found == nil {
		b.Fatal("the metrics do not tell what is allocated")
	}
	return number(b, []byte(found[1]))
}

// startNginx starts Debian's nginx on a port of its own, as an ordinary
// configuration for static files has it.
func startNginx(b *testing.B, root string) (s running, stop func()) {
	dir := b.TempDir()
	address := freeAddress(b)
	config := fmt.Sprintf(`
daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes %[4]d;
events { worker_connections 1024; }
http {
	sendfile on; tcp_nopush on; access_log %[1]s/access.log; keepalive_requests 1000000;
	types { application/vnd.debian.binary-package deb; } default_type application/octet-stream;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; root %[3]s; }
}
`, dir, address, root, runtime.NumCPU())
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
	for len(s.pids) < runtime.NumCPU() { // it listens before it has started all of its workers
		children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
		must(b, err)
		s.pids = nil
		for _, field := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(field)
			must(b, err)
			s.pids = append(s.pids, pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.address = address
	return s, stop
}

// freeAddress is an address on which nothing listens.
func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer l.Close()
	return l.Addr().String()
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
