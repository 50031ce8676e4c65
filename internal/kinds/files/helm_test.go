package files_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/kinds/files"
	"github.com/minimirror/minimirror/internal/strictyaml"
	"github.com/minimirror/minimirror/internal/transfer"
)

// resolve resolves a "files" part of a definition in dir.
func resolve(t *testing.T, dir, text string, previous artifact.Pins, locked []artifact.Item) (*artifact.Resolution, error) {
	t.Helper()
	section, err := strictyaml.Parse("mirror.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := files.Kind{}.Parse(section, nil, dir)
	if err != nil {
		return nil, err
	}
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client, err := fetch.New(store, slog.New(slog.DiscardHandler), "test", transfer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return files.Kind{}.Resolve(context.Background(), artifact.ResolveRequest{Spec: spec, Upstream: client, Previous: previous, Locked: locked,
		Now: time.Now(), Log: slog.New(slog.DiscardHandler)})
}

// unsigned signs nothing.
type unsigned struct{}

func (unsigned) ClearSign(text []byte) ([]byte, error) { return text, nil }
func (unsigned) DetachSign([]byte) ([]byte, error)     { return []byte("signature\n"), nil }
func (unsigned) PublicKey() []byte                     { return nil }

func TestCharts(t *testing.T) {
	upstream := folder{}
	var index strings.Builder
	index.WriteString("apiVersion: v1\nentries:\n")
	for _, name := range []string{"nginx", "other"} {
		fmt.Fprintf(&index, "  %s:\n", name)
		for _, version := range []string{"4.2.0", "5.0.0-rc.1", "4.10.0", "3.9.0"} {
			file := fmt.Sprintf("%s-%s.tgz", name, version)
			upstream["charts/"+file] = "chart " + file
			fmt.Fprintf(&index, "  - { apiVersion: v2, name: %s, version: %s, created: 2025-01-01T00:00:00Z, description: a chart, urls: [charts/%s], digest: %s }\n",
				name, version, file, sum("chart "+file))
		}
	}
	index.WriteString("  bare:\n  - { name: bare, version: 1.0.0, urls: [charts/bare.tgz] }\n  registry:\n  - { name: registry, version: 1.0.0, urls: [\"oci://r.example.org/x\"], digest: " + sum("") + " }\n" +
		"  escape:\n  - { name: escape, version: 1.0.0, urls: [\"file:///etc/passwd\"], digest: " + sum("") + " }\n")
	upstream["index.yaml"] = index.String()
	address := upstream.serve(t)
	charts := func(list string) string {
		return fmt.Sprintf("[ { name: charts, helm: %q, charts: [%s] } ]", address, list)
	}
	names := func(r *artifact.Resolution) string {
		var all []string
		for i := range r.Items {
			all = append(all, r.Items[i].String())
		}
		return strings.Join(all, ", ")
	}
	for list, want := range map[string]string{
		"nginx":                       "nginx 4.10.0",
		`"nginx@4.*"`:                 "nginx 4.10.0",
		`"nginx@<4.10"`:               "nginx 4.2.0",
		`"nginx@3.9.0"`:               "nginx 3.9.0",
		`"nginx@>=5.0.0-0"`:           "nginx 5.0.0-rc.1",
		`"nginx@3", "nginx@4"`:        "nginx 3.9.0, nginx 4.10.0",
		`"[no]*er"`:                   "other 4.10.0",
		`"nginx@4.*", "nginx@4.10.0"`: "nginx 4.10.0",
	} {
		r, err := resolve(t, "", charts(list), artifact.Pins{}, nil)
		if err != nil || names(r) != want {
			t.Errorf("%s: got %v, %v", list, r, err)
		}
	}
	for list, want := range map[string]string{
		"ngnix":       "the index has no chart that matches \"ngnix\"\nhint: it has: nginx, ",
		`"nginx@6.*"`: "that matches \"nginx@6.*\"\nhint: it has: nginx@",
		`"nginx@x y"`: "hint: write a version or a range",
		"bare":        "the index has no digest for it, so it cannot be verified\nhint: leave it out of charts, and add a source of its own: { name: NAME, url: " + address + "/charts/bare.tgz, sha256: DIGEST }",
		"registry":    "it is in a registry",
		"escape":      "is not an address that can be fetched",
	} {
		if r, err := resolve(t, "", charts(list), artifact.Pins{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %s", list, r, err, want)
		}
	}

	// A pin stays where upstream still has it.
	old, err := resolve(t, "", charts(`"nginx@<4.10"`), artifact.Pins{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := resolve(t, "", charts(`"nginx@4"`), artifact.Pins{}, old.Items); err != nil || names(r) != "nginx 4.2.0" {
		t.Errorf("with a pin: %v, %v", r, err)
	}

	// The index is made for what is carried, and made again for what is not denied.
	r, err := resolve(t, "", charts("nginx, other"), artifact.Pins{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := files.Kind{}.Publish(artifact.Pins{Date: time.Unix(1e9, 0), Sources: r.Sources, Items: r.Items}, unsigned{})
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) (io.ReadCloser, error) {
		for _, f := range made {
			if f.Path == name {
				return io.NopCloser(bytes.NewReader(f.Data)), nil
			}
		}
		return nil, os.ErrNotExist
	}
	again, err := files.Kind{}.Filter(context.Background(), artifact.FilterRequest{Date: time.Unix(1e9, 0), Sources: r.Sources, Signer: unsigned{}, Open: open,
		Absent: func(id string) bool { return id == "charts/nginx-4.10.0.tgz" }})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files []artifact.Generated
		want  int
	}{"made": {made, 2}, "filtered": {again, 1}} {
		for _, f := range c.files {
			if f.Path != "charts/index.yaml" {
				continue
			}
			var index struct {
				Entries map[string][]struct {
					URLs   []string
					Digest string
				}
			}
			if err := json.Unmarshal(f.Data, &index); err != nil || len(index.Entries) != c.want {
				t.Errorf("%s: %v\n%s", name, err, f.Data)
			}
			if other := index.Entries["other"][0]; other.URLs[0] != "other-4.10.0.tgz" || other.Digest != sum("chart other-4.10.0.tgz") {
				t.Errorf("%s: %+v", name, other)
			}
		}
	}
}

// TestRefusals: what a definition may not say, or upstream may not have, each with its place and what to write.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "site"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"inside": "real", "outside": "/etc/passwd"} {
		if err := os.Symlink(to, filepath.Join(dir, "site", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "site/real"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	upstream := folder{"a": "file a"}
	upstream["SHA256SUMS"] = upstream.sums()
	upstream["MD5SUMS"] = strings.Repeat("0", 32) + "  a\n"
	address := upstream.serve(t)
	digest := sum(upstream["SHA256SUMS"])
	for text, want := range map[string]string{
		"{}":                     "mirror.yaml:1: want a list",
		"[]":                     "files: the list is empty",
		"[{}]":                   "mirror.yaml:1: a source needs a name",
		"[{ name: a b }]":        "a name has letters",
		"[{ name: a }]":          "one of the keys from, url, helm and path is missing",
		"[{ name: a, nane: b }]": `unknown key "nane": did you mean "name"?`,
		"[{ name: [a] }]":        "want text, not a list",
		"[\n{ name: a, path: site },\n{ name: a, path: site }]":                                                           `mirror.yaml:3: duplicate source "a"`,
		"[{ name: a, path: x, url: http://h/x }]":                                                                         "it has several of the keys",
		"[{ name: a, path: site, sha256: x }]":                                                                            "sha256 does not go with path",
		"[{ name: a, url: http://h/x }]":                                                                                  "sha256 is missing: without it, the file cannot be verified\nhint: ask upstream for its digest, and add: sha256: DIGEST",
		"[{ name: a, url: http://h/x, sha256: abc }]":                                                                     `"abc" is not 64 hexadecimal digits`,
		"[{ name: a, url: ftp://h/x, sha256: abc }]":                                                                      "an address begins with",
		"[{ name: a, url: http://u:p@h/x, sha256: abc }]":                                                                 "would stand in the lock",
		"[{ name: a, url: http://h/x/SHA256SUMS, sha256: abc }]":                                                          "does not end in a file name",
		"[{ name: a, from: http://h/x, take: [a] }]":                                                                      "checksums is missing: without it, the files cannot be verified\nhint: add: checksums:",
		"[{ name: a, from: http://h/x, checksums: { file: X } }]":                                                         "take is missing",
		"[{ name: a, from: http://h/x, checksums: { file: ../X }, take: [a] }]":                                           "are names below",
		"[{ name: a, from: http://h/x, checksums: { file: X, signature: Y }, take: [a] }]":                                "signed-by is missing",
		"[{ name: a, from: ADDRESS, checksums: { file: SHA256SUMS }, take: [a] }]":                                        "this list cannot be verified(?)its digest: sha256: " + digest,
		"[{ name: a, from: ADDRESS, checksums: { file: SHA256SUMS, sha256: " + digest + " }, take: [b] }]":                "SHA256SUMS has no file that matches \"b\"\nhint: it has: a",
		"[{ name: a, from: ADDRESS, checksums: { file: SHA256SUMS, sha256: " + sum("x") + " }, take: [a] }]":              "sha256 mismatch(?)if upstream has published a new list, check it, and then write: sha256: " + digest,
		"[{ name: a, from: ADDRESS, checksums: { file: MD5SUMS, sha256: " + sum(upstream["MD5SUMS"]) + " }, take: [a] }]": "without a SHA-256 or SHA-512 digest",
		"[{ name: a, url: ADDRESS/a, sha256: " + sum("x") + " }]":                                                         "sha256 mismatch",
		"[{ name: a, url: ADDRESS/b, sha256: " + sum("x") + " }]":                                                         "404",
		"[{ name: a, path: site, take: [\"[\"] }]":                                                                        "is not a valid pattern: a [ without its ]",
		"[{ name: a, path: site, take: [real, real] }]":                                                                   `"real" is listed twice`,
		"[{ name: a, path: site }]":                                                                                       "outside",
		"[{ name: a, path: nowhere }]":                                                                                    "no such file",
		"[{ name: a, path: site, install: { to: opt } }]":                                                                 "not the absolute path of a folder",
		"[{ name: a, path: site, install: { to: /opt/../etc } }]":                                                         "not the absolute path of a folder",
		"[{ name: a, path: site, install: { mode: \"4755\" } }]":                                                          "is not a mode",
		"[{ name: a, helm: ADDRESS, charts: [x] }]":                                                                       "404",
	} {
		_, err := resolve(t, dir, strings.ReplaceAll(text, "ADDRESS", address), artifact.Pins{}, nil)
		for _, part := range strings.Split(want, "(?)") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %s", text, err, part)
			}
		}
	}
	r, err := resolve(t, dir, "[{ name: a, path: site, take: [inside] }, { name: b, path: site/real }]", artifact.Pins{}, nil)
	if err != nil || r.Items[0].Files[0].URLs[0] != "site/inside" || r.Items[1].Files[0].URLs[0] != "site/real" || r.Items[0].Files[0].SHA256 != sum("x") {
		t.Errorf("links within the folder: %v, %v", r, err)
	}
}

// TestNotOlder: a list that was signed before that of the lock is refused.
func TestNotOlder(t *testing.T) {
	key, dir := debiantest.NewKey("files"), t.TempDir()
	upstream := folder{"a": "file a"}
	list := []byte(upstream.sums())
	sign := func(at time.Time) {
		signature, err := debiantest.DetachSign(list, at, key)
		if err != nil {
			t.Fatal(err)
		}
		upstream["SHA256SUMS"], upstream["SHA256SUMS.gpg"] = string(list), string(signature)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.asc"), key.Armored(), 0o644); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[ { name: a, from: %q, checksums: { file: SHA256SUMS, signature: SHA256SUMS.gpg, signed-by: key.asc }, take: [a] } ]", upstream.serve(t))
	sign(debiantest.DefaultDate.Add(time.Hour))
	first, err := resolve(t, dir, text, artifact.Pins{}, nil)
	if err != nil || !first.Date.Equal(debiantest.DefaultDate.Add(time.Hour)) {
		t.Fatal(first, err)
	}
	sign(debiantest.DefaultDate)
	if _, err := resolve(t, dir, text, artifact.Pins{Sources: first.Sources, Items: first.Items}, nil); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "before the list in the lock") {
		t.Errorf("an older list: %v", err)
	}
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
