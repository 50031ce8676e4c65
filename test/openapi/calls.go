// Command openapi calls every operation of a mirror's API with the client that a generator makes from its description: answers,
// errors, and a mirror that wants a login. test/e2e/87-api.sh generates the client, package mirror, and runs it.
//
//	openapi URL URL-OF-A-MIRROR-WITH-A-LOGIN NAME:PASSWORD
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	_ "github.com/oapi-codegen/runtime" // the generated client imports it

	"github.com/minimirror/minimirror/test/openapi/mirror"
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	calls(ctx, client(os.Args[1]))
	login(ctx, os.Args[2], os.Args[3])
}

func client(url string, options ...mirror.ClientOption) *mirror.ClientWithResponses {
	c, err := mirror.NewClientWithResponses(url, options...)
	must(err)
	return c
}

func calls(ctx context.Context, c *mirror.ClientWithResponses) {
	summary, err := c.GetMirrorWithResponse(ctx)
	must(err)
	m := summary.JSON200
	expect("getMirror", summary.Status(), m != nil && m.Artifacts == 3 && m.Bytes > 0 && len(m.SigningKeys) == 1 && m.Sources[0].Name == "test" && !m.Date.IsZero())

	q, one := "app", 1
	search, err := c.SearchArtifactsWithResponse(ctx, &mirror.SearchArtifactsParams{Q: &q, Limit: &one})
	must(err)
	expect("searchArtifacts", search.Status(), search.JSON200 != nil && search.JSON200.Count == 2 && len(search.JSON200.Artifacts) == 1 && search.JSON200.Artifacts[0].Name == "app")
	negative := -1
	search, err = c.SearchArtifactsWithResponse(ctx, &mirror.SearchArtifactsParams{Limit: &negative})
	must(err)
	expect("searchArtifacts, a wrong limit", search.Status(), search.StatusCode() == 400 && search.JSON400 != nil && search.JSON400.Error != "")

	item, err := c.GetArtifactWithResponse(ctx, "debian", "libapp")
	must(err)
	a := item.JSON200
	expect("getArtifact", item.Status(), a != nil && fmt.Sprint(a.Why, a.NeededBy) == "[app libapp] [app]" && len(a.Carried) == 1 && a.Carried[0].Files[0].Size > 500_000)
	fetch(ctx, c, a.Carried[0].Files[0])
	denied, err := c.GetArtifactWithResponse(ctx, "debian", "mta")
	must(err)
	verdict := denied.JSON200.Carried[0].Verdict
	expect("getArtifact, a denied one", denied.Status(), !verdict.Allowed && verdict.Reason != nil && *verdict.Reason == "no mail here")
	item, err = c.GetArtifactWithResponse(ctx, "debian", "c++/100%?")
	must(err)
	expect("getArtifact, not carried", item.Status(), item.StatusCode() == 404 && item.JSON404 != nil && item.JSON404.Error != "")

	sets, err := c.GetSetsWithResponse(ctx)
	must(err)
	expect("getSets", sets.Status(), sets.JSON200 != nil && len(*sets.JSON200) == 1 && (*sets.JSON200)[0].Name == "app")
	rules, err := c.GetRulesWithResponse(ctx)
	must(err)
	expect("getRules", rules.Status(), rules.JSON200 != nil && rules.JSON200.Denied == 1 && rules.JSON200.Rules[0].Action == mirror.RulesRulesActionDeny)

	severe, dire := "high,fixable", "dire"
	known, err := c.GetVulnerabilitiesWithResponse(ctx, &mirror.GetVulnerabilitiesParams{Match: &severe})
	must(err)
	expect("getVulnerabilities", known.Status(), known.JSON200 != nil && known.JSON200.Count == 1 && len(known.JSON200.Knowledge) == 1 &&
		known.JSON200.Findings[0].Id == "CVE-2026-0001" && *known.JSON200.Findings[0].Fixed == "3.0-1" && known.JSON200.Findings[0].Items[0].Name == "libapp")
	known, err = c.GetVulnerabilitiesWithResponse(ctx, &mirror.GetVulnerabilitiesParams{Match: &dire})
	must(err)
	expect("getVulnerabilities, a wrong word", known.Status(), known.StatusCode() == 400 && known.JSON400 != nil && known.JSON400.Error != "")

	report, err := c.GetReportWithResponse(ctx, &mirror.GetReportParams{Limit: &one})
	must(err)
	expect("getReport", report.Status(), report.JSON200 != nil && report.JSON200.Never.Total >= 2 && len(report.JSON200.Never.Rows) == 1)
	zero := 0
	report, err = c.GetReportWithResponse(ctx, &mirror.GetReportParams{Limit: &zero})
	must(err)
	expect("getReport, a wrong limit", report.Status(), report.StatusCode() == 400 && report.JSON400 != nil)

	description, err := c.GetDescriptionWithResponse(ctx)
	must(err)
	expect("getDescription", description.Status(), description.JSON200 != nil && (*description.JSON200)["openapi"] == "3.1.0")
}

// fetch gets a file at the address that the API gives.
func fetch(ctx context.Context, c *mirror.ClientWithResponses, file mirror.CarriedFile) {
	server := strings.TrimSuffix(c.ClientInterface.(*mirror.Client).Server, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+file.Address, nil)
	must(err)
	resp, err := http.DefaultClient.Do(req)
	must(err)
	must(resp.Body.Close())
	expect("the file at "+file.Address, resp.Status, resp.StatusCode == 200 && resp.ContentLength == file.Size)
}

func login(ctx context.Context, url, userinfo string) {
	refused, err := client(url).GetMirrorWithResponse(ctx)
	must(err)
	expect("getMirror without a login", refused.Status(), refused.StatusCode() == 401 && refused.Headers401 != nil && strings.HasPrefix(*refused.Headers401.WWWAuthenticate, "Basic "))
	name, password, _ := strings.Cut(userinfo, ":")
	welcome, err := client(url, mirror.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.SetBasicAuth(name, password)
		return nil
	})).GetMirrorWithResponse(ctx)
	must(err)
	expect("getMirror with a login", welcome.Status(), welcome.JSON200 != nil)
}

func expect(call, status string, ok bool) {
	if !ok {
		log.Fatalf("%s: %s, and not what the mirror carries", call, status)
	}
	fmt.Printf("%s: %s\n", call, status)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
