package pypi_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/kindtest"
	"github.com/minimirror/minimirror/internal/kinds/pypi"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
)

func start(t testing.TB, x *pypitest.Upstream) (address string) {
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	return server.URL
}

func TestKind(t *testing.T) {
	why := "broken"
	uploaded := time.Date(2025, 2, 1, 10, 30, 0, 0, time.UTC)
	index := pypitest.NewUpstream(
		pypitest.Dist{Project: "Acme.App", Version: "1.2", Requires: []string{"lib>=1", "tool[fast]; extra == 'more'"}, Extras: []string{"more"}, Licence: "MIT", Summary: "an app", Uploaded: uploaded, Provenance: `{"version":1}`},
		pypitest.Dist{Project: "acme-app", Version: "1.3rc1"},
		pypitest.Dist{Project: "lib", Version: "1.0+local.1", Tag: "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", RequiresPython: ">=3.8", Licence: "Apache-2.0"},
		pypitest.Dist{Project: "lib", Version: "1.0+local.1", Tag: "cp312-cp312-manylinux_2_28_aarch64", NoMetadata: true},
		pypitest.Dist{Project: "lib", Version: "2.0", RequiresPython: ">=3.13"},
		pypitest.Dist{Project: "lib", Version: "1.5", Yanked: &why},
		pypitest.Dist{Project: "tool", Version: "3", NoSize: true, NoMetadata: true},
		pypitest.Dist{Project: "alone", Version: "2.5.1", Licence: "BSD-3-Clause"},
	)
	define := func(targets, requirements string) func(testing.TB, string, string) string {
		return func(_ testing.TB, _, upstream string) string {
			return fmt.Sprintf("pypi:\n  - { name: python, index: \"%s/simple/\", targets: [%s], requirements: [%s] }\n", upstream, targets, requirements)
		}
	}
	const one, two = `{ python: "3.11", platform: manylinux_2_28_x86_64 }`, `{ python: "3.12", platform: [manylinux_2_28_aarch64, linux_aarch64] }`
	kindtest.Run(t, kindtest.Fixture{
		Kind:           pypi.Kind{},
		Upstream:       func(t testing.TB) string { return start(t, index) },
		Definition:     define(one+", "+two, `"acme-app[more]", alone`),
		Reordered:      define(two+", "+one, `alone, "acme-app[more]"`),
		Set:            `["acme-app"]`,
		Item:           "alone",
		List:           "/python/simple/",
		Listed:         `"alone/"`,
		ListedByClient: true,
		About:          "/python/simple/alone/",
		Missing:        "/python/simple/absent/",
		MissingName:    "absent",
		Versions: func(v string) map[string]bool {
			return map[string]bool{"==" + v: true, "= " + v: true, v: true, "<" + v: false, "<< 2.6": true, ">=2,<3": true, "~=2.5": true, "==2.4.*": false, ">> 3": false}
		},
	})
}
