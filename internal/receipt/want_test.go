package receipt_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/receipt"
)

// want is what is proposed for a definition.
func want(t *testing.T, definition string, items []artifact.Item, asked ...receipt.AskedItem) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mirror.yaml")
	if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := builder.ReadDefinition(file, kinds.All())
	if err != nil {
		t.Fatal(err)
	}
	r := &receipt.Receipt{Name: "north", Created: made, Asked: &receipt.Asked{Total: len(asked) + 7, Items: asked}}
	s, err := r.Sign(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Want(kinds.All(), d.Spec, items)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.Text(&out); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), filepath.Dir(file)+"/", "")
}

func ask(kind, name, version, architecture, path string, requests int64, clients int) receipt.AskedItem {
	return receipt.AskedItem{Kind: kind, Asked: artifact.Asked{Name: name, Version: version, Architecture: architecture, Path: path, Requests: requests, Clients: clients}}
}

const definition = `name: site
debian:
  sources: [ { name: debian, urls: [http://ftp.debian.org/debian], suites: [bookworm], components: [main], architectures: [amd64], signed-by: KEY } ]
  packages: [curl]
images:
  - { name: docker.io, take: ["nginx:1.*"] }
files:
  - { name: tools, from: https://vendor.example.org/tools, checksums: { file: SHA256SUMS, sha256: ab00000000000000000000000000000000000000000000000000000000000000 }, take: ["*.deb"] }
  - { name: config, path: . }
  - { name: charts, helm: https://charts.example.org, charts: ["web@1.*"] }
`

func TestWant(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	searched := ask("", "frobnicate", "", "", "/search", 1, 1)
	searched.LookedUp = true
	key, err := filepath.Abs("../../images/keys/debian-12.asc")
	if err != nil {
		t.Fatal(err)
	}
	got := want(t, strings.Replace(definition, "KEY", key, 1), []artifact.Item{
		{Kind: "debian", Source: "debian", Name: "by-now", Version: "1:2-1", Files: []artifact.File{{Path: "pool/b/by-now_2-1_all.deb"}}},
		{Kind: "images", Source: "docker.io", Name: "library/redis", Version: "7", Key: "library/redis:7"},
	},
		ask("debian", "jq", "1.6-2", "amd64", "/debian/pool/main/j/jq/jq_1.6-2_amd64.deb", 12, 3),
		ask("debian", "jq", "1.6-1", "amd64", "/debian/pool/main/j/jq/jq_1.6-1_amd64.deb", 2, 1),
		ask("debian", "tmux", "3", "amd64", "/debian/pool/main/t/tmux/tmux_3_amd64.deb", 100, 4),
		ask("debian", "tmux", "3", "arm64", "/debian/pool/main/t/tmux/tmux_3_arm64.deb", 5, 1),
		ask("debian", "on", "3", "all", "/debian/pool/main/o/on/on_3_all.deb", 1, 1),
		ask("debian", "curl", "7.88.1-10", "amd64", "/debian/pool/main/c/curl/curl_7.88.1-10_amd64.deb", 9, 9),
		ask("debian", "by-now", "2-1", "all", "/debian/pool/b/by-now_2-1_all.deb", 1, 1),
		ask("debian", "jq", "1.6-2", "source", "/debian/pool/main/j/jq/jq_1.6-2.dsc", 1, 1),
		ask("debian", "", "", "", "/debian/dists/trixie/InRelease", 40, 2),
		ask("images", "docker.io/library/redis", "7", "", "/v2/library/redis/manifests/7", 3, 1),
		ask("images", "docker.io/library/redis", "8", "", "/v2/library/redis/manifests/8", 3, 1),
		ask("images", "docker.io/library/nginx", "1.29", "", "/v2/library/nginx/manifests/1.29", 3, 1),
		ask("images", "quay.io/acme/app", digest, "", "/v2/acme/app/manifests/x", 30, 2),
		ask("images", "docker.io/library/busybox", "", "", "/v2/library/busybox/tags/list", 1, 1),
		ask("files", "tool.run", "", "", "/files/tools/tool.run", 2, 2),
		ask("files", "motd", "", "", "/files/config/motd", 2, 1),
		ask("files", "x", "", "", "/files/nowhere/x", 1, 1),
		ask("files", "api-2.1.0-rc.1.tgz", "", "", "/files/charts/api-2.1.0-rc.1.tgz", 1, 1),
		ask("snaps", "hello", "", "", "/v2/snaps/hello", 1, 1),
		searched,
	)
	const want = `# What clients of north asked for and did not get: 20, lines for 9.
# The lock has 2 of them by now.
# The receipt only counts 7 others.
# Whether upstream has it shows when you run minimirror lock.
debian:
  packages:
    - tmux  # 100 requests, 4 clients: tmux 3 (amd64)
    - jq  # 14 requests, 3 clients: jq 1.6-2 (amd64), jq 1.6-1 (amd64)
    - tmux:arm64  # 5 requests, 1 client: tmux 3 (arm64); arm64 is not among the architectures that a source lists: add it there, too
    - on  # 1 request, 1 client: on 3 (all)
files:
  - name: tools
    take:
      - tool.run  # 2 requests, 2 clients: tool.run
  - name: charts
    charts:
      - api@2.1.0-rc.1  # 1 request, 1 client: api-2.1.0-rc.1.tgz
images:
  - name: quay.io
    take:
      - acme/app@DIGEST  # 30 requests, 2 clients: quay.io/acme/app DIGEST; asked for by digest, which may be the manifest of one platform: a tag is better, if you know it
  - name: docker.io
    take:
      - redis:8  # 3 requests, 1 client: docker.io/library/redis 8
# No line can be proposed for:
#   debian: curl 7.88.1-10 (amd64) (9 requests, 9 clients): mirror.yaml:4 requests it already: minimirror lock --update curl moves it to the newest version
#   debian: /debian/dists/trixie/InRelease (40 requests, 2 clients): the address names no package: a client reads a suite or an index that is not carried, or its sources are old
#   images: docker.io/library/nginx 1.29 (3 requests, 1 client): the definition requests it already: upstream does not have it, the platform is left out, or the image is older than the request
#   files: motd (2 requests, 1 client): the definition carries the folder .: put the file there
#   frobnicate (1 request, 1 client): nothing tells of which kind it is
#   debian: jq 1.6-2 (source) (1 request, 1 client): it is a source package: sources: true at the source of the definition carries them
#   files: x (1 request, 1 client): there is no source nowhere: only you know where upstream has the file
#   images: docker.io/library/busybox (1 request, 1 client): clients asked which tags there are, or for a part of the image: the tag is not known
#   snaps: hello (1 request, 1 client): this program has no such kind
`
	if want := strings.ReplaceAll(want, "DIGEST", digest); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
