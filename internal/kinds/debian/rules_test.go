package debian

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

func TestPropertiesOf(t *testing.T) {
	for _, c := range []struct {
		name     string
		metadata []string
		channels []string
		want     string // in the order of Properties
	}{
		{"a source of another name", []string{"Source: linux (6.1.90-1)", "Section: kernel"}, []string{"bookworm/main"}, "[[linux] [kernel] [main] [bookworm]]"},
		{"a source of the same name", []string{"Section: admin"}, []string{"bookworm/main"}, "[[p] [admin] [main] [bookworm]]"},
		{"an archive area", []string{"Section: contrib/games"}, []string{"bookworm/contrib"}, "[[p] [contrib/games games] [contrib] [bookworm]]"},
		{"several suites and components", nil, []string{"a/main", "b/main", "b/other"}, "[[p] [] [main other] [a b]]"},
		{"a suite with slashes", nil, []string{"stretch/updates/main"}, "[[p] [] [main] [stretch/updates]]"},
		{"flat", nil, []string{"./", "x/y/"}, "[[p] [] [] [./ x/y/]]"},
		{"field names without case", []string{"SOURCE:  s ", "section:s"}, nil, "[[s] [s] [] []]"},
		{"other fields", []string{"Description: x", " Source: no", "Source-Version: 1", "Sections: x"}, nil, "[[p] [] [] []]"},
	} {
		a := &artifact.Item{Name: "p", Metadata: c.metadata, Attributes: artifact.Attributes{{Name: "channel", Values: c.channels}}}
		if got := fmt.Sprint(Kind{}.PropertiesOf(a)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestParseVersions(t *testing.T) {
	versions := []string{"1.1", "1.2~rc1", "1.2", "1.2-1", "1.10", "1:0"}
	for _, c := range []struct{ condition, want string }{
		{"<< 1.2", "1.1 1.2~rc1"},
		{"<=1.2", "1.1 1.2~rc1 1.2"},
		{"= 1.2", "1.2"},
		{" >= 1.2 ", "1.2 1.2-1 1.10 1:0"},
		{">> 1.2", "1.2-1 1.10 1:0"},
		{"<< 1:0", "1.1 1.2~rc1 1.2 1.2-1 1.10"},
	} {
		holds, err := Kind{}.ParseVersions(c.condition)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range versions {
			if holds(v) {
				got = append(got, v)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%q: %s, want %s", c.condition, text, c.want)
		}
	}
	for condition, want := range map[string]string{
		"": "invalid", "1.2": "invalid", "<<": "invalid", "== 1": "invalid", "!= 1": "invalid", "=< 1": "invalid", ">= 1.2, << 2": "a range takes two rules",
		"< 1": "< means <=", "> 1": "> means >=", "<< 1 2": "invalid", "<< *": "invalid",
		">= 1:": "no upstream version", ">= -1": "no upstream version", ">= 1-": "nothing behind the hyphen", ">= a:1": "no epoch", ">= :1": "no epoch",
		">= 12345678901234567890:1": "no epoch",
	} {
		_, err := Kind{}.ParseVersions(condition)
		var hint *artifact.HintError
		if !errors.As(err, &hint) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q and a hint", condition, err, want)
		}
	}
}

func FuzzParseVersions(f *testing.F) {
	f.Add("<< 1.2", "1.2~")
	f.Add("= 1:2-3", "")
	f.Fuzz(func(t *testing.T, condition, version string) {
		if holds, err := (Kind{}).ParseVersions(condition); err == nil {
			holds(version)
		}
	})
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/debian/pool/main/b/bash/bash_5.2.15-2+b1_amd64.deb", "debian: bash 5.2.15-2+b1 (amd64)"},
		{"/debian/pool/main/b/bash/bash_5.2.15-2%2bb1_amd64.deb", "debian: bash 5.2.15-2+b1 (amd64)"}, // decoded too seldom
		{"/upstream/debian/pool/main/b/bash/bash_5_amd64.deb", "debian: bash 5 (amd64)"},
		{"/vendor/app_1%3a2.0~rc1_all.deb", "vendor: app 1:2.0~rc1 (all)"},
		{"/d/x/netcfg_1_amd64.udeb", "d: netcfg 1 (amd64)"},
		{"/d/x/jq-dbgsym_1_amd64.ddeb", "d: jq-dbgsym 1 (amd64)"},
		{"/d/pool/a_1_2_kfreebsd-amd64.deb", "d: a 1_2 (kfreebsd-amd64)"},
		{"/upstream/a_1_all.deb", ""},
		{"/d/dists/bookworm/main/binary-amd64/Packages.gz", ""},
		{"/d/dists/bookworm/InRelease", ""},
		{"/d/pool/a_1.deb", ""}, {"/d/pool/a.deb", ""}, {"/d/pool/_1_all.deb", ""}, {"/d/pool/a__all.deb", ""}, {"/d/pool/a_1_.deb", ""},
		{"/d/pool/a_1_all.deb/", ""}, {"/d/pool/a_1_all.rpm", ""}, {"/a_1_all.deb", ""}, {"a/b_1_all.deb", ""}, {"//b_1_all.deb", ""},
		{"/d/a b_1_all.deb", ""}, {"/d/\x00_1_all.deb", ""}, {"/d/a_1_a\nb.deb", ""}, {"/", ""}, {"", ""},
	} {
		got := ""
		if a := (Kind{}).Identify(c.path, ""); a != nil {
			got = a.Source + ": " + a.String()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.path, got, c.want)
		}
	}
}

// FuzzIdentify makes of a path nothing, or an artifact that a log can hold.
func FuzzIdentify(f *testing.F) {
	f.Add("/debian/pool/main/b/bash/bash_5.2.15-2%2bb1_amd64.deb")
	f.Add("/upstream/debian/pool/a_1%3a2_all.udeb")
	f.Fuzz(func(t *testing.T, path string) {
		a := Kind{}.Identify(path, "")
		if a == nil {
			return
		}
		if !artifact.ValidName(a.Source) || !deb822.ValidPackageName(a.Name) || !deb822.ValidVersion(a.Version) || a.Architecture() == "" || !deb822.WellFormed(a.Architecture(), "-") {
			t.Fatalf("%q: %+v", path, a)
		}
		if again := (Kind{}).Identify("/"+a.Source+"/pool/"+a.Name+"_"+a.Version+"_"+a.Architecture()+".deb", ""); a.Source != artifact.UpstreamRoot && (again == nil || again.String() != a.String()) {
			t.Fatalf("%q: %v, again %v", path, a, again)
		}
	})
}
