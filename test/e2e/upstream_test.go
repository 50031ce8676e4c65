package e2e

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A world is what one script has at work beside its processes.
type world struct {
	t         testing.TB
	upstreams map[string]*upstream
	mirrors   map[string]*mirror
}

type worldKey struct{}

type upstream struct {
	tree   *debiantest.Tree
	faults *debiantest.Faults
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) upstream(ts *testscript.TestScript, name string) *upstream {
	u := w.upstreams[name]
	if u == nil {
		ts.Fatalf("there is no upstream %q", name)
	}
	return u
}

// tree builds the archive that a file of the script describes.
func tree(ts *testscript.TestScript, file string) *debiantest.Tree {
	archive, err := debiantest.Parse(ts.ReadFile(file))
	ts.Check(err)
	ts.Check(archive.WriteKeys(ts.MkAbs("keys")))
	built, err := archive.Build()
	ts.Check(err)
	return built
}

func cmdUpstream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: upstream NAME FILE")
	}
	w, built := worldOf(ts), tree(ts, args[1])
	if u := w.upstreams[args[0]]; u != nil {
		u.tree = built.KeepOld(u.tree)
		u.faults.Swap(u.tree)
		return
	}
	u := &upstream{built, debiantest.NewFaults(built)}
	server := httptest.NewServer(u.faults)
	ts.Defer(server.Close)
	ts.Defer(server.CloseClientConnections)
	w.upstreams[args[0]] = u
	ts.Setenv(args[0], server.URL)
}

func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fault NAME GLOB [first N] KIND [ARGUMENT…]")
	}
	u, glob, args, times := worldOf(ts).upstream(ts, args[0]), args[1], args[2:], -1
	if args[0] == "first" && len(args) > 2 {
		times, args = number(ts, args[1]), args[2:]
	}
	kind, args := args[0], append(args[1:], "")
	var fault debiantest.Fault
	switch kind {
	case "status":
		fault = debiantest.Status(number(ts, args[0]), args[1:]...)
	case "cut":
		fault = debiantest.Cut(number(ts, args[0]))
	case "flip":
		fault = debiantest.Flip(number(ts, args[0]))
	case "truncate":
		fault = debiantest.Truncate(number(ts, args[0]))
	case "append":
		fault = debiantest.Append(args[0])
	case "replace":
		fault = debiantest.Replace([]byte(ts.ReadFile(args[0])))
	case "redirect":
		fault = debiantest.Redirect(args[0])
	case "nolength":
		fault = debiantest.NoLength()
	case "portal":
		fault = debiantest.Portal()
	case "encode":
		fault = debiantest.Encode()
	case "hangup":
		fault = debiantest.Hangup()
	case "login":
		fault = debiantest.Login(args[0], args[1])
	case "drip":
		fault = debiantest.Drip(number(ts, args[0]), time.Millisecond)
	case "ranges":
		fault = debiantest.Ranges(number(ts, args[0]), args[1])
	case "edit":
		pattern := regexp.MustCompile(args[0])
		text, err := strconv.Unquote(`"` + args[1] + `"`)
		ts.Check(err)
		fault = debiantest.Edit(func(body []byte) []byte { return pattern.ReplaceAll(body, []byte(text)) })
	case "hang":
		fault = debiantest.Hold(number(ts, args[0]), nil, nil)
	case "swap":
		u.tree = tree(ts, args[0]).KeepOld(u.tree)
		u.faults.SwapAfter(glob, u.tree)
		return
	default:
		ts.Fatalf("there is no fault %q", kind)
	}
	u.faults.OnFirst(times, glob, fault)
}

// cmdTrouble has the program meet a fault with an empty cache, and then, healed,
// do its work.
func cmdTrouble(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: trouble CODE lock|build NAME GLOB [first N] KIND [ARGUMENT…]")
	}
	code, verb, name := args[0], args[1], args[2]
	ts.Check(os.RemoveAll(filepath.Join(ts.Getenv("HOME"), ".cache")))
	ts.Check(os.RemoveAll(ts.MkAbs("out")))
	left := []string{"def", "mirror.yaml", "mirror.layers?"}
	if verb == "lock" {
		ts.Check(os.RemoveAll(ts.MkAbs("def/mirror.lock")))
		ts.Check(os.RemoveAll(ts.MkAbs("def/mirror.proofs")))
	}
	if verb == "build" || code == "0" {
		left = append(left, "mirror.lock", "mirror.proofs")
	}
	cmdHeal(ts, false, []string{name})
	cmdFault(ts, false, args[2:])
	cmdExits(ts, false, []string{code, "minimirror", verb, "def"})
	cmdSound(ts, false, nil)
	cmdOnly(ts, false, left)
	cmdHeal(ts, false, []string{name})
	if out, err := command(ts, "minimirror", verb, "def").CombinedOutput(); err != nil {
		ts.Fatalf("healed: %v\n%s", err, out)
	}
}

func cmdHeal(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		worldOf(ts).upstream(ts, name).faults.Clear()
	}
}

func cmdRequests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: requests NAME GLOB N")
	}
	got := worldOf(ts).upstream(ts, args[0]).faults.Requests(args[1])
	if len(got) != number(ts, args[2]) {
		ts.Fatalf("%d requests, want %s: %q", len(got), args[2], got)
	}
}

func cmdOnly(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: only DIR NAME[?]…") // ?: it need not be there
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	if err != nil && !(os.IsNotExist(err) && len(args) == 1) {
		ts.Fatalf("%v", err)
	}
	want := map[string]bool{}
	for _, name := range args[1:] {
		name, optional := strings.CutSuffix(name, "?")
		want[name] = !optional
	}
	for _, e := range entries {
		if _, known := want[e.Name()]; !known {
			ts.Fatalf("%s is left behind", filepath.Join(args[0], e.Name()))
		}
		delete(want, e.Name())
	}
	for name, needed := range want {
		if !needed {
			continue
		}
		ts.Fatalf("%s is missing", filepath.Join(args[0], name))
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}
