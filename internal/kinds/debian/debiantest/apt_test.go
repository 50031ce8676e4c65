package debiantest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func TestAptUsesTheArchive(t *testing.T) {
	server := debiantest.Start(t, parse(t, made))
	key := debiantest.NewKey("archive").Armored()
	apt := debiantest.NewApt(t, debiantest.Source(server.URL, "bookworm", []string{"main", "contrib"}, key)+
		debiantest.Source(server.URL, "flat/", nil, key), "amd64", "arm64")
	if _, err := apt.Get("--error-on=any", "update"); err != nil {
		t.Fatal(err)
	}
	if got := server.Faults.Requests("*/by-hash/SHA256/*"); len(got) != 4 {
		t.Errorf("requests by hash: %q, want one for each component and architecture", got)
	}
	out, err := apt.Get("-qq", "--print-uris", "install", "app", "flat+one", "libapp1:arm64")
	if err != nil {
		t.Fatal(err)
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
	if _, err := apt.Get("-qq", "-y", "--download-only", "install", "app", "flat+one", "libapp1:arm64"); err != nil {
		t.Error(err)
	}
	debs, err := apt.Debs()
	if err != nil || len(debs) != len(want) {
		t.Errorf("downloaded %d files, want %d: %v", len(debs), len(want), err)
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
				apt := debiantest.NewApt(t, debiantest.Source(debiantest.Start(t, a).URL, "s", []string{"main"}, key.Armored()))
				out, err := apt.Get("--error-on=any", "update")
				if (err != nil) != (c.want != "") || !strings.Contains(out, c.want) {
					t.Errorf("apt-get update: %v, want %q\n%s", err, c.want, out)
				}
			})
		}
	}
}
