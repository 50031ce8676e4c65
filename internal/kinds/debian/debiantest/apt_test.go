package debiantest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// aptRoot makes a state of its own for apt, with one deb822 source per line of
// sources ("URI SUITE COMPONENTS…") and the key that signs them.
func aptRoot(t *testing.T, key []byte, sources ...string) (env []string) {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var list strings.Builder
	for _, source := range sources {
		words := strings.Fields(source)
		fmt.Fprintf(&list, "Types: deb\nURIs: %s\nSuites: %s\n", words[0], words[1])
		if len(words) > 2 {
			fmt.Fprintf(&list, "Components: %s\n", strings.Join(words[2:], " "))
		}
		fmt.Fprintf(&list, "Signed-By: %s/key.asc\n\n", dir)
	}
	conf := fmt.Sprintf(`Dir "%[1]s";
Dir::Etc "%[1]s/etc/apt";
Dir::State "%[1]s";
Dir::State::lists "%[1]s/lists";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Bin::Methods "/usr/lib/apt/methods";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Proxy "DIRECT";
`, dir)
	for name, text := range map[string]string{
		"status": "", "apt.conf": conf, "etc/apt/sources.list.d/test.sources": list.String(), "key.asc": string(key),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"APT_CONFIG=" + filepath.Join(dir, "apt.conf")}
}

func TestAptUsesTheArchive(t *testing.T) {
	server := debiantest.Start(t, parse(t, made))
	key := debiantest.NewKey("archive").Armored()
	env := aptRoot(t, key, server.URL+" bookworm main contrib", server.URL+" flat/")
	if out, err := run(t, env, "apt-get", "-o", "APT::Update::Post-Invoke-Success::=", "--error-on=any", "update"); err != nil {
		t.Fatalf("apt-get update: %v\n%s", err, out)
	}
	if got := server.Faults.Requests("*/by-hash/SHA256/*"); len(got) != 4 {
		t.Errorf("requests by hash: %q, want one for each component and architecture", got)
	}
	out, err := run(t, env, "apt-get", "-qq", "--print-uris", "install", "app", "flat+one", "libapp1:arm64")
	if err != nil {
		t.Fatalf("apt-get install: %v\n%s", err, out)
	}
	var names []string
	for line := range strings.Lines(out) {
		names = append(names, strings.Fields(line)[1])
	}
	slices.Sort(names)
	want := []string{
		"app_1%3a2.0~rc1+b1-1_amd64.deb", "flat+one_3%3a1.0+x~y_all.deb", "libapp1_2.0_amd64.deb",
		"libapp1_2.0_arm64.deb", "mta_1.0_all.deb", "tool_1.0_all.deb",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if out, err := run(t, env, "apt-get", "-qq", "-y", "--download-only", "install", "app", "flat+one", "libapp1:arm64"); err != nil {
		t.Errorf("apt-get --download-only install: %v\n%s", err, out)
	}
}

// TestKeys shows that apt takes the keys that are good and refuses the others.
func TestKeys(t *testing.T) {
	for _, c := range []struct{ name, keys, signers, trust, want string }{
		{"good", "", "archive", "archive", ""},
		{"rsa", "Key: rsa\nRSA: 3072\n\n", "rsa", "rsa", ""},
		{"subkey", "Key: sub\nSubkey: 2021-01-01\nSubkey: never\n\n", "sub", "sub", ""},
		{"one of two", "", "other archive", "archive", ""},
		{"weak hash", "Key: weak\nHash: SHA1\nRSA: 2048\n\n", "weak", "weak", "is not signed"},
		{"expired", "Key: old\nExpires: 2021-01-01\n\n", "old", "old", "EXPKEYSIG"},
		{"expired subkey", "Key: oldsub\nSubkey: 2021-01-01\n\n", "oldsub", "oldsub", "EXPKEYSIG"},
		{"other", "", "other", "archive", "NO_PUBKEY"},
		{"none", "", "none", "archive", "is not signed"},
	} {
		for _, signing := range []string{"inline", "detached"} {
			t.Run(c.name+" "+signing, func(t *testing.T) {
				a := parse(t, c.keys+"Suite: s\nSigning: "+signing+"\nSigned-By: "+c.signers+"\n\nPackage: a\n")
				key := a.Keys[c.trust]
				if key == nil {
					key = debiantest.NewKey(c.trust)
				}
				env := aptRoot(t, key.Armored(), debiantest.Start(t, a).URL+" s main")
				out, err := run(t, env, "apt-get", "--error-on=any", "update")
				if (err != nil) != (c.want != "") || !strings.Contains(out, c.want) {
					t.Errorf("apt-get update: %v, want %q\n%s", err, c.want, out)
				}
			})
		}
	}
}
