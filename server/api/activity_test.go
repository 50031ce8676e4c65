package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/server/inventory"
	"github.com/minimirror/minimirror/server/servertest"
)

// What clients have asked for of an item is with the item, as numbers; operators see who they are.
func TestActivity(t *testing.T) {
	s := servertest.NewWordy(t, servertest.WordyRules)
	d := readDescription(t, s.Handler())
	activity := func(name string) (all []audit.Activity) {
		t.Helper()
		got := call[struct {
			Carried []struct{ Activity audit.Activity }
		}](t, s.Handler(), d, "/api/v1/artifacts/{kind}/{name}", "/api/v1/artifacts/plain/"+name, 200)
		for _, c := range got.Carried {
			all = append(all, c.Activity)
		}
		return all
	}
	for _, a := range append(activity("app"), activity("lib")...) {
		if a != (audit.Activity{}) {
			t.Errorf("before any request: %+v", a)
		}
	}
	for _, target := range []string{"/files/pool/app_1", "/files/pool/app_1", "/files/pool/lib", "/files/pool/lib", "/files/pool/lib"} {
		servertest.Ask(t, s.Handler(), "GET", target)
	}
	servertest.Ask(t, s.Handler(), "HEAD", "/files/pool/lib")
	lib := activity("lib")
	if f := lib[0].Fetched; len(lib) != 1 || lib[0].Denied != nil || f == nil || f.Requests != 3 || f.Whole != 3 || f.Clients != 1 || f.Bytes == 0 || len(f.Addresses) != 0 {
		t.Errorf("lib: %+v", lib)
	}
	denied := int64(0)
	for _, a := range activity("app") {
		if a.Denied != nil {
			denied += a.Denied.Requests
			if a.Denied.Clients != 1 || len(a.Denied.Addresses) != 0 {
				t.Errorf("denied: %+v", a.Denied)
			}
		}
	}
	if denied != 2 {
		t.Errorf("%d requests for app were denied", denied)
	}
	for name, want := range map[string]string{"lib": "Downloads</dt><dd>3 requests by 1 client", "app": "Denied</dt><dd>2 requests by 1 client", "lonely": "Downloads</dt><dd>none since"} {
		if text := servertest.Body(t, servertest.Ask(t, s.Handler(), "GET", "/-/artifacts/plain/"+name)); !strings.Contains(text, want) || strings.Contains(text, "192.0.2.1") {
			t.Errorf("the page of %s: no %q, or an address: %s", name, want, text)
		}
	}

	address, stop := servertest.StartAdmin(t, s)
	defer stop()
	ask := func(path string) (status int, items []inventory.ItemActivity) {
		t.Helper()
		resp, err := http.Get("http://" + address + "/api/v1/activity/plain/" + path)
		servertest.Must(t, err)
		var body struct{ Items []inventory.ItemActivity }
		servertest.Must(t, json.Unmarshal([]byte(servertest.Body(t, resp)), &body))
		return resp.StatusCode, body.Items
	}
	if status, items := ask("lib"); status != 200 || len(items) != 1 || len(items[0].Fetched.Addresses) != 1 || items[0].Fetched.Addresses[0].String() != "192.0.2.1" {
		t.Errorf("for operators: %d, %+v", status, items)
	}
	if status, items := ask("mailer"); status != 200 || len(items) != 2 {
		t.Errorf("an alias: %d, %+v", status, items)
	}
	if status, _ := ask("absent/x"); status != 404 {
		t.Errorf("a name that is not carried: %d", status)
	}
}
