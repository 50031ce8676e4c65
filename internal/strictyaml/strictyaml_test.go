package strictyaml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

type document struct {
	Name  string                      `yaml:"name"`
	Count int                         `yaml:"count"`
	On    bool                        `yaml:"on"`
	List  []string                    `yaml:"list"`
	Parts map[string]artifact.Section `yaml:"parts"`
	Inner *struct {
		Suites []string `yaml:"suites"`
	} `yaml:"inner"`
}

func TestDecode(t *testing.T) {
	var d document
	err := Decode("f", []byte("name: a\ncount: 3\non: true\nlist: [x, \"y z\"]\nparts: {a: [1], b: text}\ninner: {suites: [s]}\n"), &d)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "a" || d.Count != 3 || !d.On || len(d.List) != 2 || d.Inner.Suites[0] != "s" {
		t.Fatalf("%+v", d)
	}
	if d.Parts["a"].IsText() || !d.Parts["b"].IsText() {
		t.Fatal("IsText is wrong")
	}
	var n []int
	if err := d.Parts["a"].Decode(&n); err != nil || n[0] != 1 {
		t.Fatal(n, err)
	}
}

func TestScalar(t *testing.T) {
	var d struct {
		List []Scalar `yaml:"list"`
	}
	err := Decode("f", []byte("list: [a, 1.10, 0x1f, 2026-11-21T10:00:00Z, true, \"1\"]\n"), &d)
	if got := fmt.Sprint(d.List); err != nil || got != "[a 1.10 0x1f 2026-11-21T10:00:00Z true 1]" {
		t.Fatal(got, err)
	}
	for in, want := range map[string]string{
		"list: [~]": "want text, not nothing", "list: [[]]": "want text, not a list", "list: [{}]": "want text, not keys and values", "list: [?x, y]": "f:1: want text, not keys and values: within [ ] write \"?x\" in quotes",
		"list: [!x y]": "want text, not !x", "list: [!!binary eA==]": "want text, not !!binary",
	} {
		if err := Decode("f", []byte(in), &d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"unknown key":         {"nmae: x", `f:1: unknown key "nmae": did you mean "name"?`},
		"unknown, none near":  {"zzzzzzzz: x", "valid keys are count, inner, list, name, on, parts"},
		"nested unknown":      {"name: x\ninner:\n  suits: [a]", `f:3: unknown key "suits": did you mean "suites"?`},
		"duplicate":           {"name: x\nname: y", `f:2: duplicate key "name": it is on line 1 already`},
		"number for text":     {"name: 12", `f:1: want text, not a number: write "12" in quotes`},
		"text for list":       {"list: x", "f:1: want a list, not text: write [x]"},
		"mapping for list":    {"list: {x: y}", "f:1: want a list, not keys and values: begin each with \"- \""},
		"nothing for list":    {"list:", "f:1: want a list, not nothing"},
		"list for text":       {"name: [a]", "f:1: want text, not a list"},
		"text for bool":       {"on: \"yes\"", "f:1: want true or false, not text"},
		"text for number":     {"count: x", "f:1: want a whole number, not text"},
		"huge number":         {"count: 99999999999999999999", "f:1: want a whole number"},
		"list for a mapping":  {"- a", "f:1: want keys and values, not a list"},
		"two documents":       {"name: x\n---\nname: y", "more than one document"},
		"empty":               {"", "the file is empty"},
		"not YAML":            {"name: x\n\tlist: [a]", "f:2: found"},
		"merge key":           {"inner: &a {suites: [s]}\n<<: *a", "f:2: want a word as key"},
		"number as a map key": {"parts: {1: x}", "f:1: want a word as key"},
	} {
		t.Run(name, func(t *testing.T) {
			var d document
			err := Decode("f", []byte(c.in), &d)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\nlist: [a, b]\nparts: {a: &x [1], b: *x}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d document
		if err := Decode("f", data, &d); err != nil && err.Error() == "" {
			t.Fatal("an error without text")
		}
	})
}
