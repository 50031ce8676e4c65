package bench

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	starts      = 10
	reloadTimes = 20
	ruleCount   = 1000
	firstAsked  = "/debian/dists/bookworm/InRelease"
)

// BenchmarkStart starts "serve" on so many of this machine's own packages as an ordinary user's command does, with
// 1,000 rules, a key and an audit trail, and without any of them; then changes the rules under a stream of requests. It reports
//
//	s/start        from exec to the first byte of an answer, the least of ten
//	cpu-s/start    what that took of the processors, which other work on the machine disturbs less
//	MB             the most memory at that moment (VmHWM, proc(5)), the most of ten; anon-MB, what of it is no file's
//	s/reload       from the signal to the first answer that shows the change, the median of 20
//	ms-latency     of requests meanwhile, the median, and ms-worst, the worst
//	MB-reloaded    the most memory after that
func BenchmarkStart(b *testing.B) {
	program := buildProgram(b)
	config := b.TempDir()
	b.Setenv("XDG_CONFIG_HOME", config)
	packages := hostPackages(b)
	for _, n := range []int{5000, 60_000} {
		root := packageTree(b, packages[:min(n, len(packages))])
		for _, with := range []string{"nothing", "rules"} {
			b.Run(fmt.Sprintf("%d/%s", n, with), func(b *testing.B) {
				args := []string{"serve", "--root", root, "--audit", "none"}
				file := filepath.Join(b.TempDir(), "rules.yaml")
				if with == "rules" {
					args = append(args[:3], "--audit", filepath.Join(b.TempDir(), "audit.log"), "--rules", file,
						"--sign-key", filepath.Join(config, "minimirror", "signing-key.asc"))
				}
				for b.Loop() {
					must(b, os.WriteFile(file, rulesFile(ruleCount), 0o644))
					var times, costs, memory, anonymous []float64
					for range starts {
						p := start(b, program, args)
						times = append(times, p.took.Seconds())
						memory = append(memory, p.memory(b, "VmHWM"))
						anonymous = append(anonymous, p.memory(b, "RssAnon"))
						p.stop(b)
						costs = append(costs, (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Seconds())
					}
					b.ReportMetric(slices.Min(times), "s/start")
					b.ReportMetric(slices.Min(costs), "cpu-s/start")
					b.ReportMetric(slices.Max(memory), "MB")
					b.ReportMetric(slices.Max(anonymous), "anon-MB")
					b.ReportMetric(float64(len(packages[:min(n, len(packages))])), "packages")
					if with == "rules" {
						reload(b, start(b, program, args), file)
					}
				}
			})
		}
	}
}

// rulesFile is a file of so many rules of every sort, few of which match.
func rulesFile(rules int) []byte {
	text := "rules:\n"
	for i := range rules / 4 {
		text += fmt.Sprintf(" - deny: { package: [bad-%d*, worse-%d], reason: \"policy %d\" }\n", i, i, i)
		text += fmt.Sprintf(" - deny: { package: libc6, version: \"<< 1.%d\" }\n", i)
		text += fmt.Sprintf(" - deny: { source: source-%d, section: games }\n", i)
		text += fmt.Sprintf(" - allow: { package: \"*-dbgsym-%d\", client: 10.%d.0.0/16 }\n", i, i)
	}
	return []byte(text + " - deny: { section: games }\n")
}

// reload changes the rules again and again while a client asks without pause.
func reload(b *testing.B, p process, file string) {
	defer p.stop(b)
	var latencies []float64
	var asking sync.WaitGroup
	done := make(chan struct{})
	asking.Go(func() {
		client := &http.Client{Transport: &http.Transport{}}
		for {
			select {
			case <-done:
				return
			default:
			}
			began := time.Now()
			if _, err := fetch(client, p.address, firstAsked); err != nil {
				b.Error(err)
				return
			}
			latencies = append(latencies, time.Since(began).Seconds()*1000)
			time.Sleep(time.Millisecond) // the server's work is measured, not the client's
		}
	})
	var times []float64
	before, err := fetch(http.DefaultClient, p.address, firstAsked)
	must(b, err)
	text := string(rulesFile(ruleCount))
	for i := range reloadTimes {
		must(b, os.WriteFile(file, []byte(text+fmt.Sprintf(" - deny: { package: \"lib%c*\" }\n", 'a'+i)), 0o644))
		began := time.Now()
		must(b, p.cmd.Process.Signal(syscall.SIGHUP))
		for {
			now, err := fetch(http.DefaultClient, p.address, firstAsked)
			must(b, err)
			if now != before {
				before = now
				break
			}
			if time.Since(began) > time.Minute {
				b.Fatal("a change of the rules does not show")
			}
			time.Sleep(5 * time.Millisecond)
		}
		times = append(times, time.Since(began).Seconds())
	}
	close(done)
	asking.Wait()
	b.ReportMetric(median(times), "s/reload")
	b.ReportMetric(slices.Max(latencies), "ms-worst")
	b.ReportMetric(median(latencies), "ms-latency")
	b.ReportMetric(p.memory(b, "VmHWM"), "MB-reloaded")
}

func fetch(client *http.Client, address, path string) (string, error) {
	r, err := client.Get("http://" + address + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, r.Status)
	}
	return string(body), err
}
