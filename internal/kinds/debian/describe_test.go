package debian

import (
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

const described = `Tag: role::program,
 suite::x
Depends: libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0,
 python3:any
Installed-Size: 7164
Description: one line
 First paragraph,
 on two lines.
 .
 Then a list:
  * one
  * two
 .
 .
 and the end.
Description-md5: 0123
Maintainer: A Person <a@example.org>
Suggests:
Priority: required
Vendor-Field: x`

func describe(metadata string) artifact.Description {
	return Kind{}.Describe(&artifact.Item{Name: "p", Version: "1", Metadata: strings.Split(metadata, "\n"), Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"amd64"}}}})
}

func TestDescribe(t *testing.T) {
	d := describe(described)
	if d.Summary != "one line" {
		t.Errorf("summary %q", d.Summary)
	}
	if want := "First paragraph, on two lines.\n\nThen a list:\n * one\n * two\n\n\nand the end."; d.Text != want {
		t.Errorf("text %q, want %q", d.Text, want)
	}
	var lines []string
	for _, f := range d.Fields {
		line := f.Name + ": "
		for _, p := range f.Value {
			if p.Name != "" {
				line += "[" + p.Name + "]"
				continue
			}
			line += p.Text
		}
		lines = append(lines, line)
	}
	want := `Version: 1
Architecture: amd64
Priority: required
Maintainer: A Person <a@example.org>
Installed-Size: 7.3 MB
Depends: [libc6] (>= 2.36), [debconf] (>= 0.5) | [debconf-2.0], [python3]:any
Tag: role::program, suite::x
Vendor-Field: x`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDescribeWhatIsMissing(t *testing.T) {
	for _, c := range []struct{ metadata, summary, text string }{
		{"", "", ""},
		{"Description: x", "x", ""},
		{"Description:", "", ""},
		{"Description:\n only text", "", "only text"},
		{" astray\nDescription: x", "x", ""},
		{"astray\n too\nDescription: x\n y", "x", "y"},
		{"description: x\n .\n y\n .", "x", "y"},
		{"Description: x\n\ttab\n  verbatim\n wrapped", "x", "tab\n verbatim\nwrapped"},
	} {
		if d := describe(c.metadata); d.Summary != c.summary || d.Text != c.text {
			t.Errorf("%q: %q and %q, want %q and %q", c.metadata, d.Summary, d.Text, c.summary, c.text)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for value, want := range map[string]string{"0": "0 bytes", "1": "1.0 kB", "976": "999.4 kB", "977": "1.0 MB", "1000000": "1.0 GB", "x": "x", "-1": "-1"} {
		if got := humanSize(value); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
}

// FuzzDescribe loses nothing of a relation, and names only what can be a package.
func FuzzDescribe(f *testing.F) {
	f.Add(described)
	f.Add("Depends: a:any (>= 1) [amd64] <!nocheck>|b,c | , (")
	f.Fuzz(func(t *testing.T, metadata string) {
		a := &artifact.Item{Metadata: strings.Split(metadata, "\n")}
		d := Kind{}.Describe(a)
		if strings.Contains(d.Summary, "\n") {
			t.Fatalf("summary %q", d.Summary)
		}
		values := make(map[string]bool)
		for _, f := range metadataFields(a) {
			values[f.Name+"\n"+fold(f.Value)] = true
		}
		for _, f := range d.Fields {
			joined := ""
			for _, p := range f.Value {
				joined += p.Text
				if p.Name != "" && !deb822.ValidPackageName(p.Name) {
					t.Fatalf("name %q", p.Name)
				}
			}
			if !values[f.Name+"\n"+joined] && !strings.EqualFold(f.Name, "Installed-Size") {
				t.Fatalf("%s: %q is no value of it", f.Name, joined)
			}
		}
	})
}
