package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/lockfile"
)

var (
	stormTime    = flag.Duration("storm", 8*time.Second, "how long clients run against changing rules")
	stormClients = flag.Int("clients", 200, "how many clients run at once")
)

// A site is a running server with rules, whose image has the packages p000 to p099.
type site struct {
	*testing.T
	dir, program, image, rules, audit string
	url, metrics                      string
	keys                              openpgp.EntityList
	server                            *exec.Cmd
	digests                           map[string]string // by path on the mirror
	sizes                             map[string]int64
}

func newSite(t *testing.T) *site {
	s := &site{T: t, dir: t.TempDir(), program: programUnderTest(t)}
	var archive strings.Builder
	archive.WriteString("Suite: bookworm\n")
	for i := range 100 {
		fmt.Fprintf(&archive, "\nPackage: p%03d\nFiller: %d\n", i, 1000*(1+i*i%97))
	}
	parsed, err := debiantest.Parse(archive.String())
	s.check(err)
	s.check(parsed.WriteKeys(s.dir))
	upstream := debiantest.Start(t, parsed)
	s.check(os.WriteFile(filepath.Join(s.dir, "mirror.yaml"), fmt.Appendf(nil,
		"name: storm\ndebian:\n  sources:\n    - {name: test, urls: [%s], suites: [bookworm], components: [main], architectures: [amd64], signed-by: archive.asc}\n  packages: all\n", upstream.URL), 0o644))
	s.image, s.rules, s.audit = "oci:"+filepath.Join(s.dir, "image"), filepath.Join(s.dir, "rules.yaml"), filepath.Join(s.dir, "audit")
	build := s.command("build", s.dir, "--output", s.image)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s.setRules(0)
	return s
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "NO_PROXY=*")
	return cmd
}

// setRules denies other packages for each number. The first fifty are always allowed.
func (s *site) setRules(number int) {
	text := fmt.Appendf(nil, "rules:\n - deny: { package: p0%d*, reason: number %d }\n", 5+number%5, number)
	s.check(os.WriteFile(s.rules+".new", text, 0o644))
	s.check(os.Rename(s.rules+".new", s.rules))
}

// start starts the server; again: at the same address.
func (s *site) start() {
	listen := "127.0.0.1:0"
	if s.url != "" {
		listen = strings.TrimPrefix(s.url, "http://")
	}
	s.server = s.command("serve", "--image", s.image, "--listen", listen, "--rules", s.rules, "--audit", s.audit, "--metrics", "127.0.0.1:0",
		"--sign-key", filepath.Join(s.dir, ".config/minimirror/signing-key.asc"))
	output, err := s.server.StderrPipe()
	s.check(err)
	s.check(s.server.Start())
	s.Cleanup(func() { _ = s.server.Process.Kill() })
	lines := bufio.NewScanner(output)
	url := ""
	for url == "" && lines.Scan() {
		if match := regexp.MustCompile(`(metrics|listening) on (http://[0-9.:]+)`).FindStringSubmatch(lines.Text()); match != nil && match[1] == "metrics" {
			s.metrics = match[2]
		} else if match != nil {
			url = match[2]
		}
	}
	if url == "" {
		s.Fatalf("serve ended: %v", s.server.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	if s.url != "" {
		return // nothing else has changed
	}
	s.url = url
	key, err := fetch(http.DefaultClient, s.url+"/minimirror.asc")
	s.check(err)
	s.keys, err = openpgp.ReadArmoredKeyRing(bytes.NewReader(key))
	s.check(err)
}

// stop ends the server in order.
func (s *site) stop() {
	s.check(s.server.Process.Signal(syscall.SIGTERM))
	if err := s.server.Wait(); err != nil {
		s.Errorf("serve: %v", err)
	}
}

// status is a line of the server's /proc/PID/status.
func (s *site) status(name string) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.server.Process.Pid))
	s.check(err)
	_, after, _ := strings.Cut(string(data), name+":")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

// wholeLines fails unless each line of the audit trail is a JSON object, and returns how many there are.
func (s *site) wholeLines() (count int) {
	data, err := os.ReadFile(s.audit)
	s.check(err)
	if !bytes.HasSuffix(data, []byte("\n")) {
		s.Error("the audit trail's last line is not whole")
	}
	for line := range bytes.Lines(data) {
		if count++; !json.Valid(line) {
			s.Fatalf("the audit trail has the line %q", line)
		}
	}
	return count
}

// An answerError is an answer other than 200.
type answerError struct {
	code int
	text string
}

func (e *answerError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// fetch gets a whole body.
func fetch(client *http.Client, url string) ([]byte, error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &answerError{resp.StatusCode, string(body)}
	}
	return body, err
}

// A stormClient goes the way of apt: what is signed, the index that it names, by its digest, packages.
type stormClient struct {
	*http.Client
	site    *site
	random  *rand.Rand
	retries int
}

// get fetches, and tries again as apt does where the connection breaks.
func (c *stormClient) get(path string) (body []byte, err error) {
	for try := 0; ; try++ {
		body, err = fetch(c.Client, c.site.url+path)
		if _, answered := err.(*answerError); err == nil || answered || try >= c.retries {
			return body, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *stormClient) round() error {
	signed, err := c.get("/test/dists/bookworm/InRelease")
	if err != nil {
		return fmt.Errorf("InRelease: %w", err)
	}
	block, _ := clearsign.Decode(signed)
	if block == nil {
		return fmt.Errorf("InRelease: not signed: %q", signed)
	}
	if _, err := openpgp.CheckDetachedSignature(c.site.keys, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, nil); err != nil {
		return fmt.Errorf("InRelease: %w", err)
	}
	listed := regexp.MustCompile(`(?m)^ ([0-9a-f]{64}) \d+ main/binary-amd64/Packages(\.gz)?$`).FindAllStringSubmatch(string(block.Plaintext), -1)
	if len(listed) != 2 {
		return fmt.Errorf("InRelease names %d indexes", len(listed))
	}
	for _, entry := range listed {
		index, err := c.get("/test/dists/bookworm/main/binary-amd64/by-hash/SHA256/" + entry[1])
		if err != nil {
			return fmt.Errorf("index%s: %w", entry[2], err)
		}
		if debiantest.SHA256(index) != entry[1] {
			return fmt.Errorf("index%s: another digest than InRelease says", entry[2])
		}
		if entry[2] == ".gz" {
			unpacked, err := gzip.NewReader(bytes.NewReader(index))
			if err != nil {
				return err
			}
			if index, err = io.ReadAll(unpacked); err != nil {
				return err
			}
		}
		if err := c.packages(index); err != nil {
			return err
		}
	}
	return nil
}

// packages fetches some of what an index lists.
func (c *stormClient) packages(index []byte) error {
	list := regexp.MustCompile(`(?s)Package: (\S+)\n.*?Filename: (\S+)\n.*?SHA256: (\S+)\n`).FindAllStringSubmatch(string(index), -1)
	if len(list) != 90 {
		return fmt.Errorf("the index lists %d packages, want 90", len(list))
	}
	for range 3 {
		p := list[c.random.IntN(len(list))]
		body, err := c.get("/test/" + p[2])
		if refused, ok := err.(*answerError); ok && refused.code == http.StatusForbidden && p[1] >= "p050" && strings.Contains(refused.text, "number") {
			continue // the rules have changed since the index was read
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p[1], err)
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != p[3] {
			return fmt.Errorf("%s: damaged", p[1])
		}
	}
	return nil
}

// clients runs clients until the time is over, and returns how many rounds they went.
func (s *site) clients(count int, d time.Duration, retries int) int64 {
	var rounds atomic.Int64
	var wait sync.WaitGroup
	end := time.Now().Add(d)
	for i := range count {
		wait.Go(func() {
			c := &stormClient{&http.Client{Transport: &http.Transport{}}, s, rand.New(rand.NewPCG(1, uint64(i))), retries}
			defer c.CloseIdleConnections()
			for time.Now().Before(end) && !s.Failed() {
				if err := c.round(); err != nil {
					s.Error(err)
					return
				}
				rounds.Add(1)
			}
		})
	}
	wait.Wait()
	return rounds.Load()
}

// Clients never see halves of two mirrors while the rules change ten times a second.
func TestStormOfRules(t *testing.T) {
	s := newSite(t)
	s.start()
	ended, changes := make(chan struct{}), 0
	var wait sync.WaitGroup
	wait.Go(func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-ended:
				tick.Stop()
				return
			case <-tick.C:
				changes++
				s.setRules(changes)
				s.check(s.server.Process.Signal(syscall.SIGHUP))
			}
		}
	})
	rounds := s.clients(*stormClients, *stormTime, 0)
	close(ended)
	wait.Wait()
	t.Logf("%d clients went %d rounds while the rules changed %d times; peak memory of the server %s", *stormClients, rounds, changes, s.status("VmHWM"))
	s.stop()
	if lines := s.wholeLines(); int64(lines) < 9*rounds {
		t.Errorf("the audit trail has %d lines for %d rounds of nine requests", lines, rounds)
	}
}

// A server that is killed again and again costs its clients no more than tries.
func TestKilledUnderLoad(t *testing.T) {
	s := newSite(t)
	s.start()
	ended := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for range 5 {
			select {
			case <-ended:
				return
			case <-time.After(700 * time.Millisecond):
			}
			s.check(s.server.Process.Kill())
			_ = s.server.Wait()
			s.start()
		}
	})
	rounds := s.clients(20, 5*time.Second, 1000)
	close(ended)
	wait.Wait()
	t.Logf("%d rounds while the server was killed", rounds)
	s.stop()
	s.wholeLines()
}

// Clients that are slow, idle or mad take no more than their share, and others are served.
func TestSlowAndIdleClients(t *testing.T) {
	s := newSite(t)
	s.start()
	before := s.metric("go_goroutines")
	var held []net.Conn
	address := strings.TrimPrefix(s.url, "http://")
	dial := func(text string) {
		conn, err := net.Dial("tcp", address)
		s.check(err)
		held = append(held, conn)
		_, err = io.WriteString(conn, text)
		s.check(err)
	}
	for i := range idleConnections(t) {
		switch i % 3 {
		case 0:
			dial("") // says nothing
		case 1:
			dial("GET /healthz HTTP/1.1\r\nHost: x\r\nX: ") // never ends its header
		case 2:
			dial("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // stays idle, or never reads
		}
	}
	path := slices.MaxFunc(slices.Collect(maps.Keys(s.pool())), func(a, b string) int { return cmp.Compare(s.sizes[a], s.sizes[b]) })
	for range 200 { // they ask for much, and take nothing
		dial(strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", 100))
	}
	for _, ranges := range []string{
		"bytes=0-", "bytes=-1", "bytes=-0", "bytes=5-2", "bytes=1-1,3-3", "bytes=99999999999999999999-", "bytes=" + strings.Repeat("0-0,", 5000) + "0-0",
		"bytes=a-b", "pages=1-2", "bytes=", "bytes=0-0,-1", "bytes= 0 - 1", "bytes=--1", "bytes=18446744073709551615-", "bytes=0-18446744073709551615",
	} {
		for range 20 {
			req, err := http.NewRequest("GET", s.url+path, nil)
			s.check(err)
			req.Header.Set("Range", ranges)
			resp, err := http.DefaultClient.Do(req)
			s.check(err)
			_, err = io.Copy(io.Discard, resp.Body)
			s.check(errors.Join(err, resp.Body.Close()))
			if code := resp.StatusCode; code != 200 && code != 206 && code != 416 {
				t.Errorf("Range %.40s: %s", ranges, resp.Status)
			}
		}
	}
	rounds := s.clients(20, 2*time.Second, 0)
	if rounds == 0 {
		t.Error("nobody else is served")
	}
	t.Logf("%d rounds of others beside %d connections; peak memory of the server %s", rounds, len(held), s.status("VmHWM"))
	for _, conn := range held {
		_ = conn.Close()
	}
	for range 2400 {
		if s.metric("go_goroutines") <= before+10 {
			s.stop()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("goroutines: %v before, %v after", before, s.metric("go_goroutines"))
}

// idleConnections is 5,000, or what the limit of open files leaves.
func idleConnections(t *testing.T) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	return int(min(5000, files.Cur/2))
}

// pool are the digests of all packages by path.
func (s *site) pool() map[string]string {
	if s.digests == nil {
		s.digests, s.sizes = map[string]string{}, map[string]int64{}
		var lock lockfile.Lock
		s.check(readJSON(filepath.Join(s.dir, "mirror.lock"), &lock))
		for _, item := range lock.Items {
			for _, file := range item.Files {
				path := "/" + item.FileID(&file)
				s.digests[path], s.sizes[path] = file.SHA256, file.Size
			}
		}
	}
	return s.digests
}

// metric is a value of /metrics.
func (s *site) metric(name string) (value float64) {
	body, err := fetch(http.DefaultClient, s.metrics+"/metrics")
	s.check(err)
	_, after, found := strings.Cut(string(body), "\n"+name+" ")
	if !found {
		s.Fatalf("no metric %s in %s", name, body)
	}
	_, err = fmt.Sscan(after, &value)
	s.check(err)
	return value
}
