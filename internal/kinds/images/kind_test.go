package images_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/images"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
	"github.com/minimirror/minimirror/internal/kinds/kindtest"
)

func TestKind(t *testing.T) {
	key, public := imagestest.NewKey(t)
	upstream := func(t testing.TB) string {
		r := imagestest.New(t)
		for _, tag := range []string{"1.4", "1.5"} {
			index := r.MultiImage("acme/app", tag, "linux/amd64", "linux/arm64", "linux/s390x")
			r.Sign("acme/app", index, key, imagestest.Bundle)
			r.SBOM("acme/app", index)
		}
		r.Sign("pause", r.Tag("pause", "3.10", r.Image("pause", imagestest.Image{})), key, imagestest.Tagged)
		r.Sign("charts/web", r.Chart("charts/web", "0.1.0_build.5"), key, imagestest.Tagged)
		return r.URL
	}
	define := func(take string) func(testing.TB, string, string) string {
		return func(t testing.TB, dir, upstream string) string {
			if err := os.WriteFile(filepath.Join(dir, "cosign.pub"), public, 0o644); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("images:\n  - name: registry.example.org\n    from: %s\n    verify: { cosign: [cosign.pub] }\n    platforms: [linux/amd64, linux/arm64]\n    take: [%s]\n", upstream, take)
		}
	}
	kindtest.Run(t, kindtest.Fixture{
		Kind:           images.Kind{},
		Upstream:       upstream,
		Definition:     define(`"acme/app:1.*", "pause:3.10", "charts/web:0.1.0_build.5"`),
		Reordered:      define(`"charts/web:0.1.0_build.5", "pause:3.10", "acme/app:1.*"`),
		Set:            `["acme/app:1.4", "pause:3.10"]`,
		Item:           "charts/web",
		List:           "/v2/_catalog",
		Listed:         `"registry.example.org/charts/web"`,
		ListedByClient: true,
		Missing:        "/v2/registry.example.org/acme/other/manifests/1.0",
		MissingName:    "registry.example.org/acme/other",
		Keyring:        public,
		Versions: func(version string) map[string]bool {
			return map[string]bool{"= " + version: true, "< " + version: false, ">= 0.0.1": !strings.HasPrefix(version, "none")}
		},
	})
}
