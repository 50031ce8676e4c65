package artifact

import (
	"encoding/json"
	"reflect"
	"testing"
)

// One value is a text, several are a list; names and values are sorted.
func TestAttributes(t *testing.T) {
	all := NewAttributes(map[string][]string{"channel": {"b/main", "a/main", "b/main"}, "architecture": {"amd64"}, "none": nil})
	text, err := json.Marshal(all)
	if err != nil || string(text) != `{"architecture":"amd64","channel":["a/main","b/main"]}` {
		t.Errorf("%s, %v", text, err)
	}
	var read Attributes
	if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read, all) || read.check() != nil {
		t.Errorf("%v, %v", read, err)
	}
	if all.Get("architecture") != "amd64" || all.Get("none") != "" || len(all.Values("channel")) != 2 || all.String() != "architecture=amd64 channel=a/main,b/main" {
		t.Errorf("%v", all)
	}
	for _, wrong := range []string{`{"a":1}`, `{"a":{}}`, `[]`, `{"a":["b",1]}`} {
		if err := json.Unmarshal([]byte(wrong), new(Attributes)); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
	for _, wrong := range []string{`{"a":[]}`, `{"a":""}`, `{"":"b"}`, `{"a":null}`, `{"a":["c","b"]}`} {
		var read Attributes
		if err := json.Unmarshal([]byte(wrong), &read); err != nil || read.check() == nil {
			t.Errorf("%s: %v is right, %v", wrong, read, err)
		}
	}
}

// What plainAttributes reads is what encoding/json reads.
func FuzzPlainAttributes(f *testing.F) {
	for _, seed := range []string{`{}`, ` { "a" : "b" , "c":["d", "e"] } `, `{"a":"b","a":"c"}`, `{"b":"1","a":"2"}`, `{"a":"\\u0062"}`, `{"a":[]}`, `{"a":"b"}x`, `{"a":"b",}`, "{\"a\":\"\x7f\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, ok := plainAttributes(data)
		if !ok {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(data, &object); err != nil || len(object) != len(plain) {
			t.Fatalf("%q: %v, %v", data, plain, err)
		}
		for _, a := range plain {
			want, isList := object[a.Name].([]any)
			if !isList {
				want = []any{object[a.Name]}
			}
			if len(want) != len(a.Values) {
				t.Fatalf("%q: %v", data, plain)
			}
			for i := range want {
				if want[i] != a.Values[i] {
					t.Fatalf("%q: %v", data, plain)
				}
			}
		}
	})
}

// MarshalJSON writes what encoding/json would write of the same names and values, and null values are an empty list.
func TestAttributesAsJSON(t *testing.T) {
	for _, value := range []string{"", "amd64", "a/b c~", "a\"b", `a\b`, "a<b>&c", "\x00\n", "ü", "\u2028", "\xff", "\x7f"} {
		text, err := json.Marshal(Attributes{{value, []string{value}}, {"b", []string{value, "x"}}, {"c", nil}})
		want, wantErr := json.Marshal(value)
		if err != nil || wantErr != nil || string(text) != "{"+string(want)+":"+string(want)+`,"b":[`+string(want)+`,"x"],"c":[]}` {
			t.Errorf("%q: %s, %v", value, text, err)
		}
	}
}
