package pages_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// about is the address of the page about a name.
func about(name string) string { return "/-/artifacts/plain/" + url.PathEscape(name) }

// page asks for a page and checks what all pages promise.
func page(t testing.TB, h http.Handler, target string, status int) string {
	t.Helper()
	got := servertest.Ask(t, h, "GET", target, "Accept: text/html")
	text := servertest.Body(t, got)
	if got.StatusCode != status {
		t.Errorf("%.200s: %s, want %d: %.300s", target, got.Status, status, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cache-Control": "no-store", "Content-Length": fmt.Sprint(len(text)),
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%.200s: %s: %q, want %q", target, name, have, want)
		}
	}
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%.200s: Content-Security-Policy: %q", target, policy)
	}
	if problems := inspect(text).problems; problems != nil {
		t.Errorf("%.200s: %s\n%s", target, strings.Join(problems, "\n\t"), text)
	}
	head := servertest.Ask(t, h, "HEAD", target, "Accept: text/html")
	if length := head.Header.Get("Content-Length"); head.StatusCode != status || servertest.Body(t, head) != "" ||
		length != fmt.Sprint(len(text)) && target != "/-/activity" { // which changes with each request
		t.Errorf("%.200s: HEAD: %s, Content-Length %s, want %d", target, head.Status, length, len(text))
	}
	return text
}

func TestSearchPage(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	for _, test := range []struct {
		query  string
		status int
		want   []string // that can be read
		not    []string
	}{
		{"", 200, []string{"137 names", "1 to 50", "Next"}, []string{"Previous"}},
		{"q=", 200, []string{"137 names"}, nil},
		{"q=&offset=50", 200, []string{"51 to 100", "Previous", "Next"}, nil},
		{"q=&offset=100", 200, []string{"101 to 137", "Previous"}, []string{"Next"}},
		{"q=&offset=137", 200, []string{"137 names", "Previous"}, []string{"138", "Next"}},
		{"q=&offset=9223372036854775807", 200, []string{"137 names", "Previous"}, []string{"Next"}},
		{"q=app", 200, []string{"1 name contains “app”", "app", "2~rc+1", "amd64, arm64", "the <app>"}, []string{"Next", "Previous"}},
		{"q=APP", 200, []string{"1 name contains “APP”"}, nil},
		{"q=upper", 200, []string{"Upper"}, nil},
		{"q=+app+", 200, []string{"1 name"}, nil},
		{"q=many", 200, []string{"120 names", "many-000", "many-049"}, []string{"many-050"}},
		{"q=many&offset=50", 200, []string{"many-050", "many-099"}, []string{"many-049"}},
		{"q=mail", 200, []string{"1 name", "mailer", "another name for mta, postman"}, nil},
		{"q=many&kind=plain", 200, []string{"120 names contain “many”, of kind plain."}, nil},
		{"q=many&kind=other", 200, []string{"0 names"}, nil},
		{"q=nothing-like-it", 200, []string{"0 names contain “nothing-like-it”"}, nil},
		{"q=%3Cscript%3Ealert(1)%3C/script%3E", 200, []string{"0 names", "<script>alert(1)</script>"}, nil},
		{"q=%22+autofocus+onfocus%3Dalert(1)+x%3D%22", 200, []string{`" autofocus onfocus=alert(1) x="`}, nil},
		{"q=&kind=%22%3E%3Cscript%3E", 200, []string{"0 names"}, nil},
		{"q=" + url.QueryEscape(servertest.OddNames[7]), 200, []string{"1 name", servertest.OddNames[7]}, nil},
		{"q=a%00b", 400, []string{"q: "}, nil},
		{"q=%1b[31m", 400, []string{"q: "}, nil},
		{"q=%ff%fe", 400, []string{"q: "}, nil},
		{"q=" + strings.Repeat("x", 10_000), 400, []string{"q: at most 200 bytes"}, nil},
		{"kind=" + strings.Repeat("x", 10_000), 400, []string{"kind: at most 200 bytes"}, nil},
		{"q=%zz", 400, []string{"cannot be read"}, nil},
		{"q=a;b", 400, []string{"cannot be read"}, nil},
		{"offset=-1", 400, []string{"offset"}, nil},
		{"offset=9223372036854775808", 400, []string{"offset"}, nil},
		{"offset=x", 400, []string{"offset"}, nil},
	} {
		text := inspect(page(t, h, "/-/search?"+test.query, test.status)).text
		for _, part := range test.want {
			if !strings.Contains(text, part) {
				t.Errorf("%.100s: no %q in %s", test.query, part, text)
			}
		}
		for _, part := range test.not {
			if strings.Contains(text, part) {
				t.Errorf("%.100s: %q in %s", test.query, part, text)
			}
		}
	}
}

// Whoever follows the links of a search for nothing comes by every name once.
func TestSearchPages(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	seen, pages := map[string]int{}, 0
	for target := "/-/search"; target != ""; pages++ {
		found := inspect(page(t, h, target, 200))
		target = ""
		for _, link := range found.links {
			if strings.HasPrefix(link, "/-/artifacts/") {
				seen[link]++
			}
		}
		if at := slices.IndexFunc(found.links, func(l string) bool { return strings.Contains(l, "offset="+fmt.Sprint((pages+1)*50)) }); at >= 0 {
			target = found.links[at]
		}
	}
	if pages != 3 || len(seen) != 137 {
		t.Errorf("%d pages, %d names", pages, len(seen))
	}
	for link, n := range seen {
		if n != 1 {
			t.Errorf("%s: %d times", link, n)
		}
	}
}

func TestArtifactPage(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	digest := servertest.Sum("content of pool/app_1")
	for name, test := range map[string]struct{ want, not []string }{
		"app": {[]string{
			"1 (amd64)", "1 (arm64)", "2~rc+1 (amd64)", "the <app>", "One & only.", "Needs lib, absent", digest, "21 bytes", "pool/app_1",
			"Denied by rules.yaml:2: policy <4.2>", "Allowed", "Sets one for any", "http://mirror.example.org/files/pool/app_1", "app (requested)",
			"What may need it", "gtk+3~x",
		}, []string{"Another name"}},
		"lib":      {[]string{"requested) → lib", "many-119", "app"}, []string{"leads here"}},
		"mta":      {[]string{"→ lib → mailer → mta", "postman", "lib"}, nil},
		"postman":  {[]string{"→ lib → mailer → postman"}, nil},
		"mailer":   {[]string{"Another name for", "mta", "sends mail", "postman", "brings mail", "What may need it lib"}, []string{"Why it is carried"}},
		"lonely":   {[]string{"No request leads to it"}, []string{"What may need it"}},
		"many-001": {[]string{"Denied by rules.yaml:3: not from here. It depends on the client or the time: rules.yaml:3", "many-001 (requested)"}, nil},
	} {
		text := inspect(page(t, h, about(name), 200)).text
		for _, part := range test.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q in %s", name, part, text)
			}
		}
		for _, part := range test.not {
			if strings.Contains(text, part) {
				t.Errorf("%s: %q in %s", name, part, text)
			}
		}
	}
	for _, name := range servertest.OddNames {
		found := inspect(page(t, h, about(name), 200))
		if !strings.Contains(found.text, name) || !strings.Contains(found.title, name) {
			t.Errorf("%q: not in its page: %s", name, found.text)
		}
	}
	for _, target := range []string{
		about("absent"), about("App"), about(""), about("many-"), about("\x00"), about("\xff"), about(strings.Repeat("x", 5000)), about("<script>alert(1)</script>"),
		"/-/artifacts/other/app", "/-/artifacts/plain", "/-/artifacts/", "/-/artifacts", "/-/", "/-/none", "/-/rules/", "/-/search/x", "/-/artifacts/plain/app/",
	} {
		page(t, h, target, 404)
	}
}

// Every link of every page leads somewhere on this mirror.
func TestLinksResolve(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	servertest.Ask(t, h, "GET", "/files/pool/app_1")
	servertest.Ask(t, h, "GET", "/files/pool/absent")
	seen, queue := map[string]bool{}, []string{"/", "/-/search"}
	for len(queue) > 0 {
		target := queue[0]
		queue = queue[1:]
		got := servertest.Ask(t, h, "GET", target, "Accept: text/html", "User-Agent: link checker")
		text := servertest.Body(t, got)
		if got.StatusCode != 200 && !(got.StatusCode == 403 && strings.HasPrefix(target, "/files/")) {
			t.Errorf("%s: %s", target, got.Status)
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, link := range inspect(text).links {
			if address, _, _ := strings.Cut(link, "#"); address != "" && !seen[address] {
				seen[address] = true
				queue = append(queue, address)
			}
		}
	}
	for _, name := range []string{"/files/pool/2%20100%25", "/files/pool/8%20what%3Fnow%23then"} {
		if !seen[name] {
			t.Errorf("no link to %s", name)
		}
	}
	if len(seen) < 2*137 {
		t.Errorf("only %d links", len(seen))
	}
}

func TestHomePage(t *testing.T) {
	for rules, want := range map[string][]string{
		"":                    {"everything is allowed"},
		servertest.WordyRules: {"2 of 139 items are denied", "10 depend on the client or the time"},
	} {
		h := servertest.NewWordy(t, rules).Handler()
		found := inspect(page(t, h, "/", 200))
		for _, part := range append(want, "curl http://example.com/files/<name>", "files", "http://mirror.example.org/files", "one for any: app; 3 items, 59 bytes", "2025-03-01T12:00:00Z", "1.2.3") {
			if !strings.Contains(found.text, part) {
				t.Errorf("no %q in %s", part, found.text)
			}
		}
		plain := servertest.Body(t, servertest.Ask(t, h, "GET", "/"))
		if !strings.Contains(plain, "http://example.com/-/search") || strings.Contains(plain, "Rules: 2 items are denied, 10 depend") != (rules != "") {
			t.Error(plain)
		}
		if !strings.Contains(plain, "  one for any: app; 3 items, 59 bytes\n") {
			t.Error(plain)
		}
		if !strings.Contains(plain, "\n  files: plain, 139 items, ") {
			t.Error(plain)
		}
		for _, link := range []string{"/-/sets/one/any", "/-/search", "/-/rules", "/-/activity", "/minimirror.asc"} {
			if !slices.Contains(found.links, link) {
				t.Errorf("no link to %s in %v", link, found.links)
			}
		}
	}
}

func TestSetPage(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	found := inspect(page(t, h, "/-/sets/one/any", 200))
	for _, part := range []string{"one for any", "3 items, 59 bytes", "app 1 amd64 files 21 bytes requested", "lib 1 amd64 files 19 bytes needed", "mta"} {
		if !strings.Contains(found.text, part) {
			t.Errorf("no %q in %s", part, found.text)
		}
	}
	if !slices.Contains(found.links, about("app")) {
		t.Errorf("no link to app: %q", found.links)
	}
	if found := inspect(page(t, h, about("app"), 200)); !slices.Contains(found.links, "/-/sets/one/any") {
		t.Errorf("the page of app has no link to its set: %q", found.links)
	}
	for _, none := range []string{"/-/sets/one", "/-/sets/one/", "/-/sets/one/amd64", "/-/sets/two/any", "/-/sets/", "/-/sets/one/any/"} {
		page(t, h, none, 404)
	}
}

func TestRulesPage(t *testing.T) {
	if text := inspect(page(t, servertest.NewWordy(t, "").Handler(), "/-/rules", 200)).text; !strings.Contains(text, "There are no rules: everything is allowed.") {
		t.Error(text)
	}
	text := inspect(page(t, servertest.NewWordy(t, servertest.WordyRules).Handler(), "/-/rules", 200)).text
	for _, part := range []string{
		"generation 1", "rules.yaml:2 deny", "package app, version 1", "policy <4.2>", "rules.yaml:3", "client 192.0.2.0/24", "rules.yaml:4 allow", "if none does: allow",
		"127 items allowed, 2 denied, 10 by client",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %s", part, text)
		}
	}
}

func TestActivityPage(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	if text := inspect(page(t, h, "/-/activity", 200)).text; !strings.Contains(text, "None.") {
		t.Error(text)
	}
	for _, target := range []string{
		"/files/pool/app_1", "/files/pool/app_1", "/files/pool/lib", "/files/pool/lib_2", "/files/pool/%3Cscript%3E%1b", "/none",
		// Pages that are not there are no items that are not carried.
		"/-/none", "/api/v1/none", "/-/artifacts/nosuch/kind-less", "/-/search?q=kind-less&kind=nosuch", "/-/search?q=app&offset=1000", "/-/sets/no-set/any",
	} {
		servertest.Ask(t, h, "GET", target)
	}
	text := inspect(page(t, h, "/-/activity", 200)).text
	for _, part := range []string{"app 1 amd64", "rules.yaml:2", "policy <4.2>", "lib_2", "/none", "138 items"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %s", part, text)
		}
	}
	for _, part := range []string{"kind-less", "no-set", "/api", "favicon"} {
		if strings.Contains(text, part) {
			t.Errorf("%q in %s", part, text)
		}
	}
}

// Names that people and programs look up without result are missing.
func TestLookedUp(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	for _, target := range []string{
		about("absent"), "/api/v1/artifacts/plain/absent", "/-/search?q=Wanted+thing", "/api/v1/artifacts?q=wanted%20THING", "/-/search?q=other&kind=plain",
		"/-/search?q=app", "/-/search?q=", about("app"), about("mailer"), "/-/search?q=mailer",
		"/-/search?q=%3Cscript%3E%22%C3%BC",
	} {
		servertest.Ask(t, h, "GET", target)
	}
	if text := inspect(page(t, h, "/-/search?q=absent", 200)).text; !strings.Contains(text, "recorded for the next build") {
		t.Errorf("the search does not tell: %s", text)
	}
	if text := inspect(page(t, h, about("absent"), 404)).text; !strings.Contains(text, "recorded for the next build") {
		t.Errorf("the page does not tell: %s", text)
	}
	if text := inspect(page(t, h, "/-/artifacts/nosuch/absent", 404)).text; strings.Contains(text, "noted") {
		t.Errorf("a kind that does not exist: %s", text)
	}
	var report audit.Report
	servertest.Must(t, json.Unmarshal([]byte(servertest.Body(t, servertest.Ask(t, h, "GET", "/api/v1/report"))), &report))
	got := map[string]int64{}
	for _, m := range report.Missing.Rows {
		if !m.LookedUp || m.Version != "" || m.Clients != 1 {
			t.Errorf("%+v", m)
		}
		got[m.Kind+" "+m.Name] = m.Requests
	}
	if want := map[string]int64{"plain absent": 4, " absent": 2, " wanted thing": 2, "plain other": 1, " <script>\"ü": 1}; !maps.Equal(got, want) {
		t.Errorf("missing are %v, want %v", got, want)
	}
	found := inspect(page(t, h, "/-/activity", 200))
	if !strings.Contains(found.text, "wanted thing looked up") || found.problems != nil {
		t.Errorf("%v in %s", found.problems, found.text)
	}
}

// What people read is no artifact, and a question for its head sends no bytes.
func TestPagesOnlyRead(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	for _, target := range []string{"/-/search", "/-/rules", "/-/activity", about("app"), "/api/v1/mirror", "/api/v1/none"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			if got := servertest.Ask(t, h, method, target); got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s", method, target, got.Status)
			}
		}
	}
}

// Whatever is asked for, a page is whole, and the API's answer is JSON.
func FuzzPages(f *testing.F) {
	h := servertest.NewWordy(f, servertest.WordyRules).Handler()
	for _, name := range append([]string{"", "app", "mailer", "absent", "\x00\xff\x1b", "%", "..", "//", "search", "rules"}, servertest.OddNames...) {
		f.Add(name, name, "plain", "1")
	}
	f.Fuzz(func(t *testing.T, name, text, kind, number string) {
		query := "?" + url.Values{"q": {text}, "kind": {kind}, "offset": {number}, "limit": {number}}.Encode()
		for _, target := range []string{"/-/search" + query, "/-/" + url.PathEscape(name), "/-/artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)} {
			got := servertest.Ask(t, h, "GET", target)
			if got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				continue // the path leads out of here: "..", "//"
			}
			if found := inspect(servertest.Body(t, got)); found.problems != nil || !slices.Contains([]int{200, 400, 404}, got.StatusCode) {
				t.Errorf("%q: %s, %q", target, got.Status, found.problems)
			}
		}
		for _, target := range []string{"artifacts" + query, "report" + query, url.PathEscape(name), "artifacts/" + url.PathEscape(kind) + "/" + url.PathEscape(name)} {
			got := servertest.Ask(t, h, "GET", "/api/v1/"+target)
			if got.Header.Get("Content-Type") != "application/json" {
				continue
			}
			if !json.Valid([]byte(servertest.Body(t, got))) || !slices.Contains([]int{200, 400, 404}, got.StatusCode) {
				t.Errorf("%q: %s", target, got.Status)
			}
		}
		servertest.Ask(t, h, "GET", "/files/"+url.PathEscape(name))
		if found := inspect(servertest.Body(t, servertest.Ask(t, h, "GET", "/-/activity"))); found.problems != nil {
			t.Errorf("%q makes the activity page %q", name, found.problems)
		}
	})
}

// A trickyKind describes what it has with characters that turn the direction of writing, and with invisible ones.
type trickyKind struct{ servertest.Kind }

func (trickyKind) Describe(a *artifact.Item) artifact.Description {
	return artifact.Description{Summary: "a \u202egnp.exe\u202c", Text: "One.\n\nT\u200bw\u2066o.", Fields: []artifact.DescriptionField{{Name: "From", Value: []artifact.DescriptionPart{{Text: "\u061cx\x1b[31m"}}}}}
}

// What others have written is shown as it is, on pages, in text and to programs.
func TestNothingHidden(t *testing.T) {
	h := servertest.New(t, server.Options{Kinds: []artifact.Kind{trickyKind{}}}).Handler()
	for target, want := range map[string]string{
		"/-/artifacts/plain/pool%2Fbig.bin":      `a \u202egnp.exe\u202c`,
		"/-/artifacts/plain/pool%2Fa_1.0.bin":    `T\u200bw\u2066o.`,
		"/-/artifacts/plain/pool%2Fempty.bin":    `\u061cx\u001b[31m`,
		"/-/search":                              `a \u202egnp.exe`,
		"/-/search?q=%E2%80%AEx":                 `\u202ex`,
		"/-/artifacts/plain/%E2%80%AEx":          `\u202ex`,
		"/api/v1/artifacts":                      `a \u202egnp.exe`,
		"/api/v1/artifacts/plain/pool%2Fbig.bin": `T\u200bw\u2066o.`,
		"/files/%E2%80%AEx%E3%85%A4":             `\u202ex\u3164`,
	} {
		text := servertest.Body(t, servertest.Ask(t, h, "GET", target, "Accept: text/html"))
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %s in %s", target, want, text)
		}
		for _, r := range text {
			if r != '\n' && !artifact.Visible(r) {
				t.Errorf("%s: %U in %s", target, r, text)
				break
			}
		}
	}
}

// What needs an item is of the same system, which the page names.
func TestSystems(t *testing.T) {
	text := inspect(page(t, servertest.NewSystems(t).Handler(), about("only"), 200)).text
	for _, want := range []string{"old, for old", "Why it is carried (old)", "What may need it (old)", "helper"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "tool") {
		t.Errorf("an item of another system:\n%s", text)
	}
}
