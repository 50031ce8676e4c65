package images

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// TestCrowd shows that 200 clients get no wrong answer while the rules change ten times a second: what all rules allow, always and whole; what
// all deny, never; and what is between, either whole or denied with the reason.
func TestCrowd(t *testing.T) {
	const clients, changes = 200, 30
	m := newExample(t)
	file := filepath.Join(t.TempDir(), "rules.yaml")
	rules := []policy{
		{[]string{`deny: { image: [acme/app, acme/empty], tag: "1.4", reason: policy 1 }`}, nil},
		{[]string{`deny: { image: [acme/app, nginx], version: ">=1.5", reason: policy 2 }`}, nil},
		{[]string{`deny: { platform: linux/arm64, reason: policy 3 }`}, nil},
	}
	write := func(n int) {
		// acme/huge is denied by all, acme/tool by none.
		text := "rules:\n - deny: { image: acme/huge, reason: policy 0 }\n - " + strings.Join(rules[n%len(rules)].rules, "\n - ") + "\n"
		noError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	write(0)
	s := serveImage(t, m.image, server.Options{Rules: file})
	address, stop := servertest.Run(t, s.server)
	defer stop()

	// What each request may get: by each of the rules, from a server that has only these.
	type wanted struct {
		path     string
		statuses map[int]bool
		size     int64
		sum      string
	}
	var all []*wanted
	known := map[string]bool{}
	for i := range m.image.Catalog.Items {
		item := &m.image.Catalog.Items[i]
		for f := range item.Files {
			path := Kind{}.Address(item, &item.Files[f])
			if !known[path] {
				known[path] = true
				all = append(all, &wanted{path, map[int]bool{}, item.Files[f].Size, item.Files[f].SHA256})
			}
		}
		if tag := tagOf(item); tag != "" {
			path := prefix + item.Source + "/" + item.Name + "/manifests/" + tag
			if !known[path] {
				known[path] = true
				all = append(all, &wanted{path, map[int]bool{}, item.Files[0].Size, item.Files[0].SHA256})
			}
		}
	}
	for n := range rules {
		one := m.serve(t, append([]string{`deny: { image: acme/huge, reason: policy 0 }`}, rules[n].rules...)...)
		for _, w := range all {
			w.statuses[one.ask("HEAD "+w.path).StatusCode] = true
		}
	}
	counts := map[int]int{}
	for _, w := range all {
		counts[len(w.statuses)]++
	}
	if counts[1] == 0 || counts[2] == 0 {
		t.Fatalf("the rules do not differ: %v", counts)
	}

	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var done atomic.Bool
	var requests atomic.Int64
	var crowd sync.WaitGroup
	for c := range clients {
		crowd.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 7))
			for !done.Load() {
				w := all[random.IntN(len(all))]
				a, err := client.Get("http://" + address + w.path)
				if err != nil {
					t.Error(err)
					return
				}
				h := sha256.New()
				body := &strings.Builder{}
				out := io.Writer(h)
				if a.StatusCode != http.StatusOK {
					out = body
				}
				n, err := io.Copy(out, a.Body)
				a.Body.Close()
				requests.Add(1)
				switch {
				case err != nil:
					t.Errorf("%s: %v", w.path, err)
				case !w.statuses[a.StatusCode]:
					t.Errorf("%s: %d, which none of the rules says", w.path, a.StatusCode)
				case a.StatusCode == http.StatusOK && (n != w.size || fmt.Sprintf("%x", h.Sum(nil)) != w.sum):
					t.Errorf("%s: %d bytes of %d", w.path, n, w.size)
				case a.StatusCode == http.StatusForbidden && (!strings.Contains(body.String(), `"DENIED"`) || !strings.Contains(body.String(), "policy ")):
					t.Errorf("%s: %s", w.path, body)
				}
			}
		})
	}
	for n := range changes {
		write(n)
		noError(t, s.server.Reload(t.Context()))
		time.Sleep(100 * time.Millisecond)
	}
	done.Store(true)
	crowd.Wait()
	t.Logf("%d requests, %d changes of the rules", requests.Load(), changes)
}
