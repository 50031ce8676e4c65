package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/sbom"
	"github.com/minimirror/minimirror/internal/sbom/sbomtest"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/servertest"
)

// A description is openapi.json, as far as the tests follow it: OpenAPI 3.1, whose schemas are JSON
// Schema 2020-12.
type description struct {
	Servers  []struct{ URL string }
	Security []map[string][]string
	Paths    map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Schema   schema
		}
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct {
		SecuritySchemes, Responses map[string]any
		Schemas                    map[string]schema
	}
}

// TestDescription wants all that a generator of clients needs: a name for each operation, the answers of a mirror that wants a login, and
// what all of them refer to.
func TestDescription(t *testing.T) {
	var d description
	text, err := os.ReadFile("openapi.json")
	servertest.Must(t, err)
	servertest.Must(t, json.Unmarshal(text, &d))
	if len(d.Servers) != 1 || len(d.Security) < 2 {
		t.Errorf("servers %v, security %v", d.Servers, d.Security)
	}
	for _, alternative := range d.Security {
		for scheme := range alternative {
			if d.Components.SecuritySchemes[scheme] == nil {
				t.Errorf("security %s is not described", scheme)
			}
		}
	}
	seen := make(map[string]string)
	for path, methods := range d.Paths {
		for method, operation := range methods {
			if other := seen[operation.OperationID]; operation.OperationID == "" || other != "" {
				t.Errorf("%s %s: operationId %q is that of %q, too", method, path, operation.OperationID, other)
			}
			seen[operation.OperationID] = path
			for _, code := range []string{"401", "503"} {
				if _, found := operation.Responses[code]; !found {
					t.Errorf("%s %s: no answer %s", method, path, code)
				}
			}
			for code, response := range operation.Responses {
				name := strings.TrimPrefix(response.Ref, "#/components/responses/")
				if response.Ref != "" && d.Components.Responses[name] == nil {
					t.Errorf("%s %s: %s: there is no %s", method, path, code, response.Ref)
				}
			}
			for _, p := range operation.Parameters {
				if p.In == "path" && !strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s: no place for %s", path, p.Name)
				}
			}
		}
	}
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type, Format         string
	Pattern              string
	Enum                 []string
	Properties           map[string]schema
	Required             []string
	AdditionalProperties *bool
	Items                *schema
	Minimum, Maximum     *float64
}

// check tells where a value does not fit the schema.
func (d *description) check(s schema, v any, at string) (problems []string) {
	if s.Ref != "" {
		named, found := d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		if !found {
			return []string{at + ": no schema " + s.Ref}
		}
		return d.check(named, v, at)
	}
	wrong := func(format string, args ...any) {
		problems = append(problems, at+": "+fmt.Sprintf(format, args...))
	}
	kind := ""
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		for name, value := range v {
			property, found := s.Properties[name]
			if !found && s.AdditionalProperties != nil && !*s.AdditionalProperties {
				wrong("%q is not described", name)
			} else if found {
				problems = append(problems, d.check(property, value, at+"."+name)...)
			}
		}
		for _, name := range s.Required {
			if _, found := v[name]; !found {
				wrong("no %q", name)
			}
		}
	case []any:
		kind = "array"
		for i, value := range v {
			if s.Items != nil {
				problems = append(problems, d.check(*s.Items, value, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case string:
		kind = "string"
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			wrong("%q is none of %q", v, s.Enum)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			wrong("%q does not match %q", v, s.Pattern)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			wrong("%v", err)
		}
	case float64:
		kind = "integer"
		if v != float64(int64(v)) || s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			wrong("%v", v)
		}
	case bool:
		kind = "boolean"
	}
	if s.Type != kind {
		wrong("%q is no %q", fmt.Sprint(v), s.Type)
	}
	return problems
}

func readDescription(t *testing.T, h http.Handler) *description {
	t.Helper()
	var d description
	servertest.Must(t, json.Unmarshal([]byte(servertest.Body(t, servertest.Ask(t, h, "GET", "/api/v1/openapi.json"))), &d))
	return &d
}

// call asks for a resource, checks the answer against its description, and decodes it.
func call[T any](t *testing.T, h http.Handler, d *description, path, target string, status int) (value T) {
	t.Helper()
	got := servertest.Ask(t, h, "GET", target)
	text := servertest.Body(t, got)
	if got.StatusCode != status {
		t.Errorf("%.200s: %s, want %d: %.200s", target, got.Status, status, text)
		return value
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Length": fmt.Sprint(len(text)),
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%.200s: %s: %q, want %q", target, name, have, want)
		}
	}
	head := servertest.Ask(t, h, "HEAD", target)
	if head.StatusCode != status || head.Header.Get("Content-Type") != "application/json" || servertest.Body(t, head) != "" {
		t.Errorf("HEAD %.200s: %s", target, head.Status)
	}
	response, found := d.Paths[path]["get"].Responses[fmt.Sprint(status)]
	if !found {
		t.Errorf("%.200s: %s does not describe %d", target, path, status)
	}
	var decoded any
	if err := json.Unmarshal([]byte(text), &decoded); err != nil {
		t.Errorf("%.200s: %v in %s", target, err, text)
	}
	for _, problem := range d.check(response.Content["application/json"].Schema, decoded, path) {
		t.Errorf("%.200s: %s", target, problem)
	}
	servertest.Must(t, json.Unmarshal([]byte(text), &value))
	return value
}

type foundNames struct {
	Count     int
	Artifacts []struct {
		Kind, Name, Summary     string
		Versions, Architectures []string
		AliasOf                 []string `json:"alias_of"`
	}
}

const (
	searchPath   = "/api/v1/artifacts"
	artifactPath = "/api/v1/artifacts/{kind}/{name}"
)

func TestAPISearch(t *testing.T) {
	h := servertest.NewWordy(t, "").Handler()
	d := readDescription(t, h)
	for _, test := range []struct {
		query string
		count int
		want  string // names
	}{
		{"?q=app", 1, "app"}, {"?q=APP", 1, "app"}, {"?q=Upper", 1, "Upper"}, {"?q=%20app%20", 1, "app"},
		{"?q=m&limit=2", 124, "many-000 many-001"}, {"?q=m&offset=121", 124, "org/name postman mailer"}, {"?q=mailer", 1, "mailer"},
		{"?limit=3", 137, "-rf ... 100%"}, {"?limit=0", 137, ""}, {"?offset=137", 137, ""}, {"?offset=9223372036854775807&limit=1000", 137, ""},
		{"?q=many&kind=other", 0, ""}, {"?q=many&kind=plain&limit=1", 120, "many-000"}, {"?q=nothing", 0, ""}, {"?q=%3Cb%3E", 1, `<b>"x"&'y`},
		{"?q=%C3%BC", 1, "ü"}, {"?q=%C3%9C", 1, "ü"}, {"?unknown=1&q=mta", 1, "mta"},
	} {
		got := call[foundNames](t, h, d, searchPath, searchPath+test.query, 200)
		var names []string
		for _, a := range got.Artifacts {
			names = append(names, a.Name)
		}
		if got.Count != test.count || strings.Join(names, " ") != test.want {
			t.Errorf("%s: %d, %q", test.query, got.Count, names)
		}
	}
	if all := call[foundNames](t, h, d, searchPath, searchPath, 200); len(all.Artifacts) != 100 {
		t.Errorf("%d by default", len(all.Artifacts))
	}
	if all := call[foundNames](t, h, d, searchPath, searchPath+"?limit=1000", 200); len(all.Artifacts) != 137 {
		t.Errorf("%d in all", len(all.Artifacts))
	}
	app := call[foundNames](t, h, d, searchPath, searchPath+"?q=app", 200).Artifacts[0]
	if fmt.Sprint(app) != "{plain app the <app> [1 2~rc+1] [amd64 arm64] []}" {
		t.Errorf("%v", app)
	}
	mailer := call[foundNames](t, h, d, searchPath, searchPath+"?q=mailer", 200).Artifacts[0]
	if fmt.Sprint(mailer) != "{plain mailer  [] [] [mta postman]}" {
		t.Errorf("%v", mailer)
	}
	for _, query := range []string{
		"?q=" + strings.Repeat("x", 10_000), "?q=%00", "?q=%ff", "?kind=%ff", "?kind=" + strings.Repeat("x", 201), "?q=%zz", "?q=a;b",
		"?offset=-1", "?offset=x", "?offset=1e3", "?offset=9223372036854775808", "?limit=-1", "?limit=1001", "?limit=x",
	} {
		call[struct{}](t, h, d, searchPath, searchPath+query, 400)
	}
}

func TestAPIArtifact(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	d := readDescription(t, h)
	type answer struct {
		Kind, Name string
		AliasOf    []string `json:"alias_of"`
		Why        []string
		NeededBy   []string `json:"needed_by"`
		Carried    []struct {
			artifact.Item
			Files   []struct{ Path, SHA256, Address string } `json:"files"`
			Verdict struct {
				Allowed      bool
				Rule, Reason string
			}
			Sets        []string
			Conditional string
		}
	}
	get := func(name string) answer {
		return call[answer](t, h, d, artifactPath, "/api/v1/artifacts/plain/"+url.PathEscape(name), 200)
	}
	app := get("app")
	if len(app.Carried) != 3 || app.Carried[0].Verdict.Allowed || app.Carried[0].Verdict.Reason != "policy <4.2>" || app.Carried[0].Verdict.Rule != "rules.yaml:2" {
		t.Errorf("%+v", app)
	}
	for name, want := range map[string]string{
		"app":      "[app] []",
		"lib":      "[app lib] []",
		"mailer":   "[app lib mailer] [mta postman]",
		"mta":      "[app lib mailer mta] []",
		"postman":  "[app lib mailer postman] []",
		"lonely":   "[] []",
		"many-119": "[many-119] []",
	} {
		if got := get(name); fmt.Sprint(got.Why, got.AliasOf) != want || (len(got.Carried) == 0) != (name == "mailer") {
			t.Errorf("%s: %v %v, %d", name, got.Why, got.AliasOf, len(got.Carried))
		}
	}
	for name, want := range map[string]int{"app": len(servertest.OddNames), "lib": 121, "mailer": 1, "mta": 2, "postman": 1, "lonely": 0} {
		if got := get(name).NeededBy; len(got) != want || !slices.IsSorted(got) {
			t.Errorf("%s is needed by %q", name, got)
		}
	}
	if by := get("mta").NeededBy; fmt.Sprint(by) != "[lib postman]" {
		t.Error(by)
	}
	for client, allowed := range map[string]bool{"192.0.2.1:1234": false, "198.51.100.1:1234": true} {
		r := httptest.NewRequest("GET", "/api/v1/artifacts/plain/many-001", nil)
		r.RemoteAddr = client
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got answer
		servertest.Must(t, json.Unmarshal(w.Body.Bytes(), &got))
		if a := got.Carried[0]; a.Conditional != "rules.yaml:3" || a.Verdict.Allowed != allowed {
			t.Errorf("%s: %+v", client, a)
		}
	}
	for _, name := range servertest.OddNames {
		got := get(name)
		if got.Name != name || len(got.Carried) != 1 || got.Carried[0].Files[0].SHA256 != servertest.Sum(servertest.Body(t, servertest.Ask(t, h, "GET", got.Carried[0].Files[0].Address))) {
			t.Errorf("%q: %+v", name, got)
		}
	}
	if got := call[answer](t, h, d, artifactPath, "/api/v1/artifacts/plain/org/name", 200); got.Name != "org/name" {
		t.Errorf("%+v", got)
	}
	for _, target := range []string{"plain/absent", "plain/App", "plain/", "other/app", "plain/%00", "plain/%ff", "plain/app/", "plain/" + strings.Repeat("x", 5000)} {
		call[struct{}](t, h, d, artifactPath, "/api/v1/artifacts/"+target, 404)
	}
}

// The SBOM has the types that are described, and is valid.
func TestSBOM(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	get := readDescription(t, h).Paths["/sbom"]["get"]
	if len(get.Responses["200"].Content) != len(sbom.Formats) {
		t.Errorf("%d types are described", len(get.Responses["200"].Content))
	}
	for _, format := range sbom.Formats {
		for _, target := range []string{"/sbom?format=" + string(format), "/sbom"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Accept", "text/html, "+format.MediaType()+"; q=0.5")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if _, described := get.Responses["200"].Content[w.Header().Get("Content-Type")]; !described || w.Header().Get("Content-Type") != format.MediaType() {
				t.Errorf("%s: %s", target, w.Header().Get("Content-Type"))
			}
			sbomtest.Read(t, format, w.Body.Bytes())
		}
	}
	if got := servertest.Ask(t, h, "GET", "/sbom?format=xml"); got.StatusCode != 400 {
		t.Errorf("format=xml: %s", got.Status)
	}
	if got := servertest.Ask(t, h, "HEAD", "/sbom?format=cyclonedx"); got.StatusCode != 200 || servertest.Body(t, got) != "" {
		t.Errorf("HEAD: %s", got.Status)
	}
}

// What is described is there, and nothing else is.
func TestAPIResources(t *testing.T) {
	source, err := os.ReadFile("api.go")
	servertest.Must(t, err)
	for _, rules := range []string{"", servertest.WordyRules} {
		h := servertest.NewWordy(t, rules).Handler()
		d := readDescription(t, h)
		for _, target := range []string{"/files/pool/app_1", "/files/pool/lib", "/files/pool/lib_2", "/files/pool/%3Cscript%3E%1b", "/none"} {
			servertest.Ask(t, h, "GET", target)
		}
		for path, methods := range d.Paths {
			if len(methods) != 1 {
				t.Errorf("%s: %d methods", path, len(methods))
			}
			if path == "/sbom" { // which is not the API's: TestSBOM
				continue
			}
			call[any](t, h, d, path, strings.NewReplacer("{kind}", "plain", "{name}", "app").Replace(path), 200)
		}
		// The resources without parameters are the cases of one switch.
		for _, match := range regexp.MustCompile(`(?m)^\tcase "([^"]+)":$`).FindAllSubmatch(source, -1) {
			if d.Paths["/api/v1/"+string(match[1])] == nil {
				t.Errorf("%s is not described", match[1])
			}
		}
		if n := strings.Count(string(source), "\tcase \""); n+2 != len(d.Paths) {
			t.Errorf("%d resources and /sbom, %d described", n+1, len(d.Paths))
		}
		for _, target := range []string{"/api/v1/", "/api/v1/none", "/api/v1/mirror/", "/api/v1/artifacts/", "/api/v1/artifacts/plain", "/api/v1/openapi", "/api/v1/sets/one"} {
			got := servertest.Ask(t, h, "GET", target)
			if text := servertest.Body(t, got); got.StatusCode != 404 || got.Header.Get("Content-Type") != "application/json" || !strings.Contains(text, `"error"`) {
				t.Errorf("%s: %s, %s", target, got.Status, text)
			}
		}
	}
	// Where lists are empty they are lists.
	h := servertest.New(t, server.Options{}).Handler()
	for _, path := range []string{"/api/v1/mirror", "/api/v1/sets", "/api/v1/rules", "/api/v1/report", searchPath} {
		call[any](t, h, readDescription(t, h), path, path, 200)
	}
}

func TestAPIReport(t *testing.T) {
	h := servertest.NewWordy(t, servertest.WordyRules).Handler()
	d := readDescription(t, h)
	for i := range 5 {
		servertest.Ask(t, h, "GET", fmt.Sprintf("/files/pool/absent-%d", i))
	}
	type answer struct {
		Missing struct {
			Total int
			Rows  []struct{ Name string }
		}
		Never struct {
			Total int
			Rows  []struct{ Artifact string }
		}
	}
	for query, want := range map[string][2]int{"": {5, 100}, "?limit=1": {1, 1}, "?limit=3": {3, 3}, "?limit=1000": {5, 139}} {
		got := call[answer](t, h, d, "/api/v1/report", "/api/v1/report"+query, 200)
		if got.Missing.Total != 5 || got.Never.Total != 139 || len(got.Missing.Rows) != want[0] || len(got.Never.Rows) != want[1] {
			t.Errorf("%s: %d of %d, %d of %d", query, len(got.Missing.Rows), got.Missing.Total, len(got.Never.Rows), got.Never.Total)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=1001", "?limit=all"} {
		call[struct{}](t, h, d, "/api/v1/report", "/api/v1/report"+query, 400)
	}
}

// Clients are numbers to each other; operators see who they are.
func TestAPIReportNamesNobody(t *testing.T) {
	s := servertest.NewWordy(t, servertest.WordyRules)
	for _, target := range []string{"/files/pool/absent", "/files/pool/app_1", "/files/pool/lib_1", "/files/dists/x/Index"} {
		servertest.Ask(t, s.Handler(), "GET", target)
	}
	const path = "/api/v1/report?limit=1000"
	d := readDescription(t, s.Handler())
	report := call[audit.Report](t, s.Handler(), d, "/api/v1/report", path, 200)
	if report.Clients.Total != 1 || len(report.Clients.Rows) != 0 || len(report.Missing.Rows) == 0 || report.Missing.Rows[0].Clients != 1 {
		t.Errorf("the numbers: %+v", report)
	}
	if c := report.Channels; c == nil || len(c.Rows) != 2 || c.Rows[1].Lacking != 1 || c.Clients.Total != 1 || len(c.Clients.Rows) != 0 {
		t.Errorf("channels: %+v", c)
	}
	if text := servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", "/-/activity")); !strings.Contains(text, "1 client reads some of the mirror's channels and not others: its configuration") {
		t.Errorf("the page: %s", text)
	}
	for _, target := range []string{path, "/-/activity", "/api/v1/mirror", "/api/v1/rules", "/readyz"} {
		if text := servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", target)); strings.Contains(text, "192.0.2.1\"") || strings.Contains(text, "192.0.2.1<") {
			t.Errorf("%s names a client: %s", target, text)
		}
	}
	address, stop := servertest.StartAdmin(t, s)
	defer stop()
	resp, err := http.Get("http://" + address + path)
	servertest.Must(t, err)
	text := servertest.Body(t, resp)
	if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Clients.Rows) != 1 ||
		len(report.Channels.Clients.Rows) != 1 || report.Channels.Clients.Rows[0].Lacks[0] != "files/y" || len(report.Missing.Rows[0].Addresses) != 1 || len(report.Denied.Rows[0].Addresses) != 1 || !strings.Contains(text, "192.0.2.1") {
		t.Errorf("for operators: %s", text)
	}
	resp, err = http.Get("http://" + address + "/api/v1/report?limit=no")
	servertest.Must(t, err)
	if servertest.Body(t, resp); resp.StatusCode != 400 {
		t.Errorf("a wrong limit: %s", resp.Status)
	}
}
