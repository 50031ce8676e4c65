package catalog

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

// rowsLike are rows as Encode writes them, and others that package json reads, or does not.
var rowsLike = map[string]bool{
	`{"kind":"k","source":"s","name":"n","version":"1:2~+","architecture":"any","size":0,"sha256":"ab","path":"p/q","urls":[],"metadata":["A: \"b\" \\c\t\/"," d"],"layer":3,"offset":12}`: true,
	`{"kind":"k","name":"n","attributes":{"a":"b","c":["d","e"]},"key":"k","files":[{"path":"p","size":1,"sha256":"a","urls":["u"],"layer":1,"offset":2},{"path":"q"}]}`:                   true,
	`{"attributes":{"a":"b"},"attributes":{"a":"c"}}`: false,
	`{"attributes":{"a":1}}`:                          false,
	`{"attributes":{}}`:                               false,
	`{"files":[]}`:                                    false,
	`{"files":[{}]}`:                                  false,
	`{"files":[{"path":"p"},]}`:                       false,
	`{"files":[{"path":"p"}],"files":[{"path":"q"}]}`: false,
	`{"kind":"k","name":"ü","channels":["a","b"],"security":true,"requested":false,"urls":["u","v"]}`: true,
	`{"kind":"k","name":"n","alias_of":[]}`:    true,
	`{"kind":"k","name":"n","alias_of":["a"]}`: true,
	`{"name":"n","name":"m"}`:                  true,
	`{"urls":["a"],"urls":["b"]}`:              true,
	`{"size":999999999999999999}`:              true,
	`{}`:                                       false,
	`{"set":"a/b","name":"n"}`:                 false,
	`{"name": "n"}`:                            false,
	`{"Name":"n"}`:                             false,
	`{"name":"\u00e4"}`:                        false,
	`{"name":null}`:                            false,
	`{"name":1}`:                               false,
	`{"size":-1}`:                              false,
	`{"size":01}`:                              false,
	`{"size":1.0}`:                             false,
	`{"size":9223372036854775808}`:             false,
	`{"security":truest}`:                      false,
	`{"urls":null}`:                            false,
	`{"urls":[1]}`:                             false,
	`{"urls":["a",]}`:                          false,
	`{"urls":["a"`:                             false,
	`{"later":{"a":[1]},"name":"n"}`:           false,
	`{"name":"n"}}`:                            false,
	`{"name":"n"},`:                            false,
	`{"name":"n",}`:                            false,
	`{"name":"a` + "\x01" + `"}`:               false,
	`{"name":"n\`:                              false,
	`{"name":"\x"}`:                            false,
	`{"name`:                                   false,
	`[]`:                                       false,
	``:                                         false,
}

func TestRowScan(t *testing.T) {
	for line, want := range rowsLike {
		if got := new(itemRow).scan(line); got != want {
			t.Errorf("%s: got %v, want %v", line, got, want)
		}
		sameRow(t, line)
	}
	if !new(setMember).scan(`{"set":"a/b","name":"n"}`) {
		t.Error("a member of a set is left to package json")
	}
}

// Every artifact that Encode writes is read without package json.
func TestRowScanReadsEncoded(t *testing.T) {
	c := big(300)
	c.Items[7].Metadata = []string{`Description: "quoted" \ and ` + "\t ü", "Field: "}
	c.Items[8].Attributes = artifact.NewAttributes(map[string][]string{"channel": {"a/b", "c/d"}, "x": {`"\\`}})
	c.Items[9].Files = append(c.Items[9].Files, artifact.File{Path: "second", SHA256: "ab", URLs: []string{"u"}})
	for i := range c.Items {
		line, err := json.Marshal(rowOf(&Record{Item: c.Items[i], Places: make([]Place, len(c.Items[i].Files))}))
		if err != nil || !new(itemRow).scan(string(line)) || !new(briefRow).scan(string(line)) {
			t.Fatalf("%s: %v", line, err)
		}
		sameRow(t, string(line))
	}
}

// sameRow compares what is scanned with what package json reads.
func sameRow(t *testing.T, line string) {
	t.Helper()
	for _, empty := range []func() scannedRow{
		func() scannedRow { return new(itemRow) }, func() scannedRow { return new(briefRow) }, func() scannedRow { return new(setMember) },
	} {
		got, want := empty(), empty()
		if !got.scan(line) {
			continue
		}
		if err := json.Unmarshal([]byte(line), want); err != nil {
			t.Errorf("%T %s: package json: %v", got, line, err)
		} else if g, w := recordOf(t, got), recordOf(t, want); !reflect.DeepEqual(g, w) {
			t.Errorf("%T %s:\ngot  %+v\nwant %+v", got, line, g, w)
		}
	}
}

// recordOf is what a row says, and the names of which it is an alias.
func recordOf(t *testing.T, row scannedRow) any {
	t.Helper()
	var of *itemRow
	set := ""
	switch row := row.(type) {
	case *itemRow:
		of = row
	case *briefRow:
		of = &row.itemRow
	case *setMember:
		of, set = &row.itemRow, row.Set
	}
	r, err := new(rowReader).record(of)
	if err != nil {
		t.Errorf("%+v: %v", row, err)
	}
	return []any{set, r, of.Of}
}

func FuzzRowScan(f *testing.F) {
	for line := range rowsLike {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if utf8.ValidString(line) {
			sameRow(t, line)
		}
	})
}
