package deb

import (
	"slices"
	"strings"
	"testing"
)

func TestReadChangelogs(t *testing.T) {
	with := func(entries ...entry) string {
		return ar(binary, ctl, entry{"data.tar.gz", gzipped(tarOf(entries...))})
	}
	doc := "./usr/share/doc/good/"
	for _, c := range []struct {
		name, file string
		want       []string
		problem    string
	}{
		{"the package's", with(entry{doc + "README", "no"}, entry{doc + "changelog.Debian.gz", gzipped("one")}, entry{doc + "changelog.gz", gzipped("upstream's")}), []string{"one"}, ""},
		{"a rebuild's", with(entry{doc + "changelog.Debian.amd64.gz", gzipped("two")}, entry{doc + "changelog.Debian.arm64.gz", gzipped("no")}, entry{doc + "changelog.Debian.gz", gzipped("one")}), []string{"two", "one"}, ""},
		{"a native package's", with(entry{doc + "changelog.gz", gzipped("native")}), []string{"native"}, ""},
		{"not compressed", with(entry{doc + "changelog.Debian", "plain"}), []string{"plain"}, ""},
		{"none", with(entry{"./usr/share/doc/other/changelog.Debian.gz", gzipped("no")}, entry{doc + "sub/changelog.Debian.gz", gzipped("no")}), nil, ""},
		{"a link", with(entry{"./usr/share/doc/good", "-> other"}), nil, ""},
		{"a link to a file", with(entry{doc + "changelog.Debian.gz", "-> /etc/passwd"}), nil, ""},
		{"a folder", with(entry{doc + "changelog.Debian.gz/", ""}), nil, ""},
		{"no gzip", with(entry{doc + "changelog.Debian.gz", "no"}), nil, "usr/share/doc/good/changelog.Debian.gz: "},
		{"huge", with(entry{doc + "changelog.Debian.gz", gzipped(strings.Repeat("x", maxChangelog+1))}), nil, "more than 33554432 bytes"},
		{"a bomb", with(entry{"./a", strings.Repeat("\x00", minData)}, entry{doc + "changelog.Debian.gz", gzipped("one")}), nil, "it has more than 67108864 bytes"},
		{"no data", ar(binary, ctl), nil, "it has no data.tar"},
		{"no package", "text", nil, "it is not a Debian package"},
	} {
		got, err := ReadChangelogs(strings.NewReader(c.file), "good", "amd64")
		if c.problem == "" && (err != nil || !slices.Equal(got, c.want)) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.problem)
		}
	}
}
