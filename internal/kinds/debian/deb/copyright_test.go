package deb

import (
	"strings"
	"testing"
)

func TestReadCopyright(t *testing.T) {
	const doc = "./usr/share/doc/good/"
	of := func(entries ...entry) string {
		return ar(binary, ctl, entry{"data.tar.gz", gzipped(tarOf(entries...))})
	}
	for _, c := range []struct{ name, file, text, sameAs, err string }{
		{name: "a file", file: of(entry{"./usr/", ""}, entry{"./usr/share/doc/other/copyright", "no"}, entry{doc + "copyright", "yes"}), text: "yes"},
		{name: "without a point", file: of(entry{"usr/share/doc/good/copyright", "yes"}), text: "yes"},
		{name: "uncompressed", file: ar(binary, ctl, entry{"data.tar", tarOf(entry{doc + "copyright", "yes"})}), text: "yes"},
		{name: "the folder of another", file: of(entry{"./usr/share/doc/good", "-> other"}), sameAs: "other"},
		{name: "with a path", file: of(entry{"./usr/share/doc/good", "-> ../doc/other"}), sameAs: "other"},
		{name: "the file of another", file: of(entry{doc + "copyright", "-> ../other/copyright"}), sameAs: "other"},
		{name: "its own", file: of(entry{doc + "copyright", "-> copyright.txt"})},
		{name: "elsewhere", file: of(entry{"./usr/share/doc/good", "-> /etc"})},
		{name: "none", file: of(entry{"./usr/", ""})},
		{name: "too large", file: of(entry{doc + "copyright", strings.Repeat("x", 101)})},
		{name: "no package", file: "!<ar", err: "begins with"},
		{name: "no data", file: ar(binary, ctl), err: "no data.tar"},
		{name: "no control", file: ar(binary, data), err: "not the name of a package"},
		{name: "truncated", file: ar(binary, ctl, entry{"data.tar.gz", gzipped(tarOf(entry{"./usr/", ""}))[:30]}), err: "data.tar.gz: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, sameAs, err := ReadCopyright(strings.NewReader(c.file), 100)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if string(text) != c.text || sameAs != c.sameAs {
				t.Errorf("%q, %q", text, sameAs)
			}
		})
	}
}
