package yamledit

import (
	"strings"
	"testing"
)

// TestEdit shows what edits leave as it is, which is everything else.
func TestEdit(t *testing.T) {
	add := func(n Node) error { return n.Append("new") }
	remove := func(i int) func(Node) error { return func(n Node) error { return n.Remove(i) } }
	for name, c := range map[string]struct {
		in   string
		edit func(list Node) error
		want string // empty: it is refused
	}{
		"append":                 {"# top\nl:\n  # first\n  - a  # why\n\n  - b # last\n\n# end\nm: 1\n", add, "# top\nl:\n  # first\n  - a  # why\n\n  - b # last\n  - new\n\n# end\nm: 1\n"},
		"append, not indented":   {"l:\n- a\n- \"b\"\nm: 1\n", add, "l:\n- a\n- \"b\"\n- new\nm: 1\n"},
		"append, no line break":  {"l:\n- a", add, "l:\n- a\n- new"},
		"append, CRLF":           {"l:\r\n- a\r\nm: 1\r\n", add, "l:\r\n- a\r\n- new\r\nm: 1\r\n"},
		"append after keys":      {"l:\n  - {a: [\"]\", b], c: 'd}'} # x\nm: 1\n", add, "l:\n  - {a: [\"]\", b], c: 'd}'} # x\n  - new\nm: 1\n"},
		"append after a block":   {"l:\n  - a: b\n    c: [d]\nm: 1\n", add, "l:\n  - a: b\n    c: [d]\n  - new\nm: 1\n"},
		"append in brackets":     {"l: [ a, 'b''', \"c\\\"\" ] # x\n", add, "l: [ a, 'b''', \"c\\\"\", new ] # x\n"},
		"append in umlauts":      {"ä: {ü: ö, l: [é]}\n", add, "ä: {ü: ö, l: [é, new]}\n"},
		"append on lines":        {"l: [\n  a, # why\n  b  # last\n]\n", add, "l: [\n  a, # why\n  b,  # last\n  new\n]\n"},
		"append after a comma":   {"l: [\n  a,\n  b, # last\n]\n", add, "l: [\n  a,\n  b, # last\n  new,\n]\n"},
		"append after two lines": {"l:\n- a\n  b\nm: 1\n", add, ""},
		"append after a literal": {"l:\n- |\n  a\nm: 1\n", add, ""},
		"append to an anchor":    {"l: &x [a]\nm: *x\n", add, ""},
		"append to an alias":     {"x: &x [a]\nl: *x\n", add, ""},
		"append to text":         {"l: a\n", add, ""},
		"append beside an alias": {"x: &x a\nl:\n- *x\n", add, "x: &x a\nl:\n- *x\n- new\n"},
		"first":                  {"l:\n  # one\n  - a # why\n  # two\n  - b\n", remove(0), "l:\n  # one\n  # two\n  - b\n"},
		"last":                   {"l:\n  - a\n  - b # x\nm: 1\n", remove(1), "l:\n  - a\nm: 1\n"},
		"last, no line break":    {"l:\n  - a\n  - b", remove(1), "l:\n  - a\n"},
		"keys":                   {"l:\n  - a: 1\n    b: 2\n  - c\n", remove(0), "l:\n  - c\n"},
		"brackets, first":        {"l: [a, b, c]\n", remove(0), "l: [b, c]\n"},
		"brackets, middle":       {"l: [a, b, c]\n", remove(1), "l: [a, c]\n"},
		"brackets, last":         {"l: [a, b, c]\n", remove(2), "l: [a, b]\n"},
		"lines, middle":          {"l: [\n  a,\n  b, # why\n  c\n]\n", remove(1), "l: [\n  a,\n  c\n]\n"},
		"lines, last":            {"l: [\n  a,\n  c # why\n]\n", remove(1), "l: [\n  a,\n]\n"},
		"two on a line":          {"l: [a, b,\n  c, d]\n", remove(1), "l: [a,\n  c, d]\n"},
		"first of a line":        {"l: [a, b,\n  c, d]\n", remove(2), "l: [a, b,\n  d]\n"},
		"the last of a line":     {"l: [a, b,\n  c]\n", remove(2), "l: [a, b]\n"},
		"the only one":           {"l: [a]\n", remove(0), ""},
		"two lines":              {"l:\n- a\n  b\n- c\n", remove(0), ""},
		"nested":                 {"l:\n- - a\n  - b\nm: 1\n", func(n Node) error { return n.Entries()[0].Remove(0) }, ""},
		"text":                   {"l:\n- a (>= 1) # x\n", func(n Node) error { return n.Entries()[0].SetText("b, c") }, "l:\n- \"b, c\" # x\n"},
		"text in brackets":       {"l: ['a', b]\n", func(n Node) error { return n.Entries()[0].SetText("c") }, "l: [c, b]\n"},
	} {
		d, err := Parse("f", []byte(c.in))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		at := d.Root()
		if first, found := at.Get("ä"); found {
			at = first
		}
		list, found := at.Get("l")
		if !found {
			t.Fatalf("%s: no list", name)
		}
		err = c.edit(list)
		switch got := string(d.Text()); {
		case c.want == "" && (err == nil || got != c.in || !strings.Contains(err.Error(), "\nhint: edit it by hand")):
			t.Errorf("%s: it is not refused: %v\n%s", name, err, got)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	add := func(n Node) error { return n.AddList("new", "1.10") }
	remove := func(n Node) error { return n.RemoveKey("l") }
	for name, c := range map[string]struct {
		in   string
		edit func(section Node) error
		want string // empty: it is refused
	}{
		"add":               {"s:\n  a: b # x\n\n# next\nt: 1\n", add, "s:\n  a: b # x\n  new: [\"1.10\"]\n\n# next\nt: 1\n"},
		"add after a list":  {"s:\n  a:\n    - { b: [c] } # x\nt: 1\n", add, "s:\n  a:\n    - { b: [c] } # x\n  new: [\"1.10\"]\nt: 1\n"},
		"add in braces":     {"s: { a: b, c: [d] }\n", add, "s: { a: b, c: [d], new: [\"1.10\"] }\n"},
		"add to an anchor":  {"s: &s\n  a: b\nt: *s\n", add, ""},
		"remove":            {"s:\n  a: b\n  l: # x\n    - c\n    # y\n    - d # z\n  # rest\n  e: f\n", remove, "s:\n  a: b\n  # rest\n  e: f\n"},
		"remove the last":   {"s:\n  a: b\n  l: [c]\n", remove, "s:\n  a: b\n"},
		"remove in braces":  {"s: { l: [c], a: b }\n", remove, "s: { a: b }\n"},
		"remove the only":   {"s: { l: [c] }\n", remove, ""},
		"remove at the end": {"s: { a: b, l: [c] } # x\n", remove, "s: { a: b } # x\n"},
	} {
		d, err := Parse("f", []byte(c.in))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		section, _ := d.Root().Get("s")
		err = c.edit(section)
		switch got := string(d.Text()); {
		case c.want == "" && (err == nil || got != c.in):
			t.Errorf("%s: it is not refused: %v\n%s", name, err, got)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.want)
		}
	}
}

// FuzzEdit adds an entry and removes it again, and removes each entry: an edit is refused, or changes just that.
func FuzzEdit(f *testing.F) {
	f.Add("l:\n  - a # x\n  - \"b\"\n", "c")
	f.Add("l: [a, 'b',\n c, # x\n]\nm: {l: x}\n", "?essential")
	f.Fuzz(func(t *testing.T, text, entry string) {
		d, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		list, found := d.Root().Get("l")
		if !found || !list.IsList() {
			return
		}
		before := len(list.Entries())
		if list.Append(entry) != nil {
			if string(d.Text()) != text {
				t.Fatalf("refused, but changed: %q", d.Text())
			}
			return
		}
		entries := list.Entries()
		if got, isText := entries[len(entries)-1].Text(); len(entries) != before+1 || got != entry || !isText {
			t.Fatalf("%q with %q: %q", text, entry, d.Text())
		}
		for i := len(entries) - 1; i > 0; i-- {
			left := len(list.Entries())
			if list.Remove(i) == nil && len(list.Entries()) != left-1 {
				t.Fatalf("%q: %q", text, d.Text())
			}
		}
	})
}
