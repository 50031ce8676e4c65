package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

func TestHeldBackNotes(t *testing.T) {
	u := NewUniverse("amd64", "arm64")
	stanza := func(name, version, arch string) string {
		return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nFilename: %s_%s_%s.deb\nSize: 1\nSHA256: %064x\n\n", name, version, arch, name, version, arch, len(name+version+arch)*1000+int(version[0]))
	}
	u.Add(deb822.Origin{Source: "d", Suite: "s"}, []byte(stanza("lib", "1", "amd64")+stanza("lib", "1", "arm64")+stanza("tool", "1", "amd64")+stanza("tool", "3", "amd64")+stanza("new", "1", "amd64")))
	u.Add(deb822.Origin{Source: "d", Suite: "security"}, []byte(stanza("lib", "2", "amd64")+stanza("lib", "3", "amd64")+stanza("lib", "1", "arm64")+stanza("other", "2", "amd64")+stanza("bad", "2", "amd64")))
	u.BuildIndex()
	carried := func(all ...string) (packages []*Package) {
		for id := range u.Entries {
			if p := u.pkg(EntryID(id)); strings.Contains(" "+strings.Join(all, " ")+" ", " "+p.Name+"="+p.Version+":"+p.Architecture+" ") && !u.Entries[id].again {
				packages = append(packages, p)
			}
		}
		return packages
	}
	security := func(origins []deb822.Origin) bool { return origins[0].Suite == "security" }
	for _, test := range []struct {
		carried, pinned []string
		want            string
	}{
		{[]string{"lib=1:amd64", "lib=1:arm64", "tool=1:amd64"}, []string{"lib", "tool"}, "the lock holds back updates for security: lib 1 (amd64) → 3; to take them: minimirror lock DEFINITION --update lib"},
		{[]string{"lib=2:amd64"}, nil, "updates for security are not taken, because the definition asks for other versions or another package needs them: lib 2 (amd64) → 3"},
		{[]string{"lib=1:amd64", "lib=3:amd64"}, []string{"lib"}, ""},
		{[]string{"lib=1:arm64", "tool=1:amd64"}, []string{"lib", "tool"}, ""},
	} {
		packages := carried(test.carried...)
		if len(packages) != len(test.carried) {
			t.Fatalf("%v: %v", test.carried, packages)
		}
		pinned := func(p *Package) bool { return strings.Contains(strings.Join(test.pinned, " "), p.Name) }
		if got := strings.Join(u.HeldBackNotes(packages, security, pinned), "\n"); got != test.want {
			t.Errorf("%v: %q, want %q", test.carried, got, test.want)
		}
	}
}
