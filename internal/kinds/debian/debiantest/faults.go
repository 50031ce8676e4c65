package debiantest

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Faults is a server that can go wrong: it passes requests on to Next unless a
// fault is set for their path, and remembers them all.
type Faults struct {
	mu       sync.Mutex
	next     http.Handler
	rules    []rule
	swaps    []swap
	requests []string
}

type rule struct {
	pattern *regexp.Regexp
	left    int // < 0: for ever
	fault   Fault
}

type swap struct {
	pattern *regexp.Regexp
	next    http.Handler
}

// NewFaults returns a server that answers as next does.
func NewFaults(next http.Handler) *Faults { return &Faults{next: next} }

// On makes fault answer every request whose decoded path (without its first
// slash) matches glob, in which "*" stands for any text, slashes too. The fault
// that was set last counts.
func (f *Faults) On(glob string, fault Fault) { f.OnFirst(-1, glob, fault) }

// OnFirst is On for the next n requests only.
func (f *Faults) OnFirst(n int, glob string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, rule{compile(glob), n, fault})
}

// Clear takes all faults back and forgets the requests.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.swaps, f.requests = nil, nil, nil
}

// Swap makes next answer from now on.
func (f *Faults) Swap(next http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.swaps = next, nil
}

// SwapAfter makes next answer once a request that matches glob has been
// answered: the archive changes between two requests of one client.
func (f *Faults) SwapAfter(glob string, next http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.swaps = append(f.swaps, swap{compile(glob), next})
}

// Requests returns the decoded paths (without the first slash) that were asked
// for and match glob, in order, repeated ones included.
func (f *Faults) Requests(glob string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	pattern := compile(glob)
	return slices.DeleteFunc(slices.Clone(f.requests), func(p string) bool { return !pattern.MatchString(p) })
}

// ServeHTTP answers, or fails, as set.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	f.answer(name).ServeHTTP(w, r)

	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range f.swaps {
		if s.pattern.MatchString(name) {
			f.next = s.next
			f.swaps = slices.Delete(f.swaps, i, i+1)
			return
		}
	}
}

// answer records the request and returns what answers it.
func (f *Faults) answer(name string) http.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, name)
	for i := len(f.rules) - 1; i >= 0; i-- {
		if rule := &f.rules[i]; rule.left != 0 && rule.pattern.MatchString(name) {
			rule.left--
			return rule.fault(f.next)
		}
	}
	return f.next
}

// compile translates a glob.
func compile(glob string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(glob), `\*`, ".*") + "$")
}
