package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestClaims shows what README and docs/audit.md say of the audit trail and of denials, with the real apt.
func TestClaims(t *testing.T) {
	v := vendorArchive{
		archive:    "Suite: bookworm\n\nPackage: good\n\nPackage: secret\n\nPackage: late\n\nPackage: absent\nVersion: 2.1-1\nArchitecture: amd64\n",
		definition: "packages: [good, secret, late]\nupstream: serve",
	}
	archive, tree := v.build(t)
	site := newVendorSite(t, programUnderTest(t), archive)
	site.define(v, debiantest.StartTree(t, tree), "bookworm", []string{"main"})
	site.run("build", site.dir, "--output", "oci:"+site.image)
	rules, audit := filepath.Join(site.home, "rules.yaml"), filepath.Join(site.home, "audit.log")
	if err := os.WriteFile(rules, []byte("rules:\n  - deny: { package: secret, reason: policy 4.2 }\n  - deny: { package: late, client: 127.0.0.0/8, reason: not from here }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mirror := site.serve("--rules", rules, "--audit", audit, "--sign-key", filepath.Join(site.home, ".config/minimirror/signing-key.asc"))
	trail := func() string {
		text, err := os.ReadFile(audit)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	fails := func(apt *debiantest.Apt, name, why string) {
		t.Helper()
		if said, err := apt.Get("--yes", "--download-only", "install", name); err == nil || !strings.Contains(said, why) {
			t.Errorf("apt-get install %s: %v, want %q in:\n%s", name, err, why, said)
		}
	}
	client := func(sources string) *debiantest.Apt {
		t.Helper()
		apt := debiantest.NewApt(t, sources)
		if _, err := apt.Get("--error-on=any", "update"); err != nil {
			t.Fatal(err)
		}
		return apt
	}

	ours := client(site.sources(mirror))
	fails(ours, "secret", "Unable to locate package secret")
	fails(ours, "late", "403  Denied: not from here (rules.yaml:3)")
	fails(ours, "absent", "Unable to locate package absent")
	if strings.Contains(trail(), "absent") {
		t.Errorf("apt has asked for what our index does not list:\n%s", trail())
	}

	upstreams := client(debiantest.Source(mirror+"/upstream/vendor", "bookworm", []string{"main"}, archive.Keys["archive"].Armored()))
	fails(upstreams, "secret", "403  Denied: policy 4.2 (rules.yaml:2)")
	fails(upstreams, "absent", "404")
	if !strings.Contains(trail(), `"name":"absent","version":"2.1-1","architecture":"amd64","verdict":"missing"`) {
		t.Errorf("the audit trail does not name what is missing:\n%s", trail())
	}
	if out, err := site.command("report", audit).Output(); err != nil || !strings.Contains(string(out), "absent 2.1-1 amd64") {
		t.Errorf("report: %v, the list has no absent 2.1-1:\n%s", err, out)
	}
}
