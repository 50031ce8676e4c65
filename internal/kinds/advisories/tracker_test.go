package advisories

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func all(string) bool { return true }

func trackerOf(text string, keep func(string) bool) (statements []string, err error) {
	err = readTracker(strings.NewReader(text), keep, func(a *artifact.Advisory) error {
		for _, s := range a.Statements {
			statements = append(statements, fmt.Sprintf("%s %s %s %s %s %s %s", a.Name, a.ID, s.Release, s.Status, s.Fixed, s.Urgency, s.Deferred))
		}
		return nil
	})
	return statements, err
}

func TestTracker(t *testing.T) {
	release := func(fields string) string { return `{"a": {"CVE-1": {"releases": {"bookworm": {` + fields + `}}}}}` }
	for text, want := range map[string]string{
		release(`"status": "open", "urgency": "high**"`):                                           "open  high ",
		release(`"status": "open", "fixed_version": "1"`):                                          "open  unknown ",
		release(`"status": "resolved", "fixed_version": "1:2-3", "urgency": "not yet assigned"`):   "fixed 1:2-3 unknown ",
		release(`"status": "resolved", "fixed_version": "0"`):                                      "not-affected  unknown ",
		release(`"status": "resolved"`):                                                            "undetermined  unknown ",
		release(`"status": "undetermined", "fixed_version": "1"`):                                  "undetermined  unknown ",
		release(`"status": "new in 2031", "urgency": "extreme"`):                                   "undetermined  unknown ",
		release(`"status": 7, "urgency": null, "fixed_version": {}`):                               "undetermined  unknown ",
		release(`"status": "open", "nodsa": "Minor issue", "nodsa_reason": ""`):                    "open  unknown no advisory",
		release(`"status": "open", "nodsa": "Minor issue", "nodsa_reason": "ignored"`):             "open  unknown ignored",
		release(`"status": "open", "urgency": "unimportant", "repositories": {"bookworm": "1-1"}`): "open  unimportant ",
		release(`"status": "open", "urgency": "end-of-life", "later": [[[]]]`):                     "open  end-of-life ",
	} {
		got, err := trackerOf(text, all)
		if err != nil || len(got) != 1 || got[0] != "a CVE-1 bookworm "+want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	two := `{"a": {"CVE-1": {"description": "x", "releases": {"bookworm": {"status": "open"}, "sid": {"status": "open"}}}}}`
	if got, err := trackerOf(two, func(r string) bool { return r == "sid" }); err != nil || !slices.Equal(got, []string{"a CVE-1 sid open  unknown "}) {
		t.Errorf("%q, %v", got, err)
	}
}

// endless repeats a text.
type endless struct {
	text string
	left int64
}

func (e *endless) Read(p []byte) (n int, err error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	e.left -= int64(n)
	return n, nil
}

// Files that are not the tracker's are refused, in bounded memory.
func TestTrackerRefuses(t *testing.T) {
	good := `{"a": {"CVE-1": {"releases": {"bookworm": {"status": "open"}}}}}`
	for text, want := range map[string]string{
		"":                          "it is cut off",
		" \n":                       "it is cut off",
		"<html>":                    "invalid character '<'",
		"[]":                        `want "{"`,
		"{}":                        "no advisory in it",
		`"a"`:                       `want "{"`,
		`{"a": []}`:                 `a: want "{"`,
		`{"a": {"CVE-1": 1}}`:       `CVE-1: want "{"`,
		`{"a": {"CVE-1": {}}}`:      "no advisory in it",
		`{"id": "CVE-1"}`:           `id: want "{"`,
		good[:len(good)/2]:          "it is cut off",
		good[:len(good)-1]:          "it is cut off",
		good + "{}":                 "data after its end",
		good + "x":                  "data after its end",
		`{"a": {}, "a": {}}`:        `the key "a" is repeated`,
		`{"a": {"C": {}, "C": {}}}`: `the key "C" is repeated`,
		`{"a": {"C": {"releases": {"x": {}, "x": {}}}}}`:                              `the key "x" is repeated`,
		`{"a": {"C": {"releases": {"x": {"status": "open", "status": "resolved"}}}}}`: `the key "status" is repeated`,
		`{"a": {"C": {"releases": ` + strings.Repeat("[", 20_000) + "}}}":             "depth",
	} {
		if _, err := trackerOf(text, all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
	for name, r := range map[string]*endless{
		"brackets":     {"[", 500 << 20},
		"braces":       {`{"a":`, 500 << 20},
		"one text":     {"x", 500 << 20},
		"one advisory": {"[", 500 << 20},
		"many fields":  {`"k":{},`, 500 << 20},
	} {
		begin := map[string]string{"one text": `{"`, "one advisory": `{"a": {"CVE-1": `, "many fields": `{"a": {"CVE-1": {`}[name]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := readTracker(io.MultiReader(strings.NewReader(begin), r), all, func(*artifact.Advisory) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if grown := after.Sys - min(after.Sys, before.Sys); grown > 150<<20 {
			t.Errorf("%s: %d MB of memory: %v", name, grown>>20, err)
		}
	}
}

func FuzzTracker(f *testing.F) {
	f.Add(`{"a": {"CVE-1": {"description": "x", "releases": {"bookworm": {"status": "resolved", "fixed_version": "1", "urgency": "low", "nodsa": "x", "nodsa_reason": "ignored"}}}}}`)
	f.Add(`{"a":{"":{"":null}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var store strings.Builder
		w, err := newStoreWriter(&store)
		if err != nil {
			t.Fatal(err)
		}
		var wrote []string
		err = readTracker(strings.NewReader(text), all, func(a *artifact.Advisory) error {
			wrote = append(wrote, a.Name+" "+a.ID)
			return w.add(a)
		})
		if err != nil {
			return
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		var read []string
		err = readStore(strings.NewReader(store.String()), func(string, string) bool { return true }, func(a *artifact.Advisory) error {
			read = append(read, a.Name+" "+a.ID)
			return nil
		})
		if err != nil || !slices.Equal(read, wrote) {
			t.Errorf("%q: wrote %q, read %q, %v", text, wrote, read, err)
		}
	})
}

type file struct{ *strings.Reader }

// ReadAdvisories recognizes the formats.
func TestRecognize(t *testing.T) {
	tracker := `{"curl": {"CVE-1": {"description": "x", "releases": {"bookworm": {"status": "open"}}}}}`
	osv := `{"id": "PYSEC-1", "modified": "2024-02-03T04:05:06Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "curl"}, "versions": ["1"]}]}`
	for text, want := range map[string]string{tracker: "Debian", osv: "PyPI", " [" + osv + "]": "PyPI", osv + "\n" + osv: "PyPI"} {
		s, err := Kind{}.ReadAdvisories(context.Background(), file{strings.NewReader(text)}, func(_, name string) bool { return name == "curl" }, func(*artifact.Advisory) error { return nil })
		if err != nil || !slices.Equal(s.Ecosystems, []string{want}) || (want == "PyPI") == s.Date.IsZero() {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}
