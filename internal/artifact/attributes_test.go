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
