package lockfile

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

var day = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func sample() *Lock {
	pin := func(name string) artifact.Item {
		return artifact.Item{Kind: "k", Source: "s", Name: name, Version: "1", Metadata: []string{"Depends: x (>= 1) <y>"}, Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"a"}}}, Files: []artifact.File{{Size: 1, SHA256: strings.Repeat("a", 64), Path: "p/" + name, URLs: []string{"http://h/" + name}}}}
	}
	return &Lock{Format: Format, Name: "n", Date: day, Definition: "sha256:x",
		Sources: []artifact.Source{{Kind: "k", Name: "s", Releases: []artifact.Release{{Name: "r", Date: day}}}},
		Sets:    []artifact.Set{{Name: "set", Architecture: "amd64", Items: []string{"s/p/b", "s/p/a"}}},
		Items:   []artifact.Item{pin("b"), pin("a")}}
}

func TestEncodeIsSortedAndDecodes(t *testing.T) {
	data, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("\"Depends: x (>= 1) <y>\"\n")) {
		t.Fatalf("relations do not read well:\n%s", data)
	}
	lock, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if lock.Items[0].Name != "a" || lock.Sets[0].Items[0] != "s/p/b" {
		t.Fatal("artifacts are not sorted, or a set has lost its order")
	}
	again, err := lock.Encode()
	if err != nil || !bytes.Equal(again, data) {
		t.Fatal("it changes when it is read and written", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*Lock){
		"other format":          func(l *Lock) { l.Format = 99 },
		"escaping path":         func(l *Lock) { l.Items[0].Files[0].Path = "../../etc/passwd" },
		"absolute path":         func(l *Lock) { l.Items[0].Files[0].Path = "/etc/passwd" },
		"short digest":          func(l *Lock) { l.Items[0].Files[0].SHA256 = "abc" },
		"negative size":         func(l *Lock) { l.Items[0].Files[0].Size = -1 },
		"listed twice":          func(l *Lock) { l.Items = append(l.Items, l.Items[0]) },
		"no such source":        func(l *Lock) { l.Items[0].Source = "other" },
		"no such pin":           func(l *Lock) { l.Sets[0].Items[0] = "s/p/none" },
		"injected stanza":       func(l *Lock) { l.Items[0].Metadata = []string{"Depends: x\n\nPackage: evil"} },
		"injected option":       func(l *Lock) { l.Sources[0].Releases[0].Metadata = []string{"Components: main\nTrusted: yes"} },
		"not UTF-8":             func(l *Lock) { l.Items[0].Metadata = []string{"Maintainer: Jos\xe9"} }, // JSON makes it something else
		"injected version":      func(l *Lock) { l.Items[0].Version = "1\nPackage: evil" },
		"escaping release":      func(l *Lock) { l.Sources[0].Releases[0].Name = "../../x" },
		"reserved source":       func(l *Lock) { l.Sources[0].Name = "minimirror.asc"; l.Items = nil; l.Sets = nil },
		"no date":               func(l *Lock) { l.Date = time.Time{} },
		"a date in another age": func(l *Lock) { l.Date = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"set twice":             func(l *Lock) { l.Sets = append(l.Sets, l.Sets[0]) },
		"pin twice in a set":    func(l *Lock) { l.Sets[0].Items = append(l.Sets[0].Items, "s/p/a") },
		"bad name":              func(l *Lock) { l.Name = "../x" },
		"source twice":          func(l *Lock) { l.Sources = append(l.Sources, l.Sources[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			l := sample()
			change(l)
			if _, err := l.Encode(); err == nil && l.Format == Format {
				t.Error("Encode accepts it")
			}
			data, err := l.encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(data); err == nil && name != "not UTF-8" {
				t.Fatal("accepted")
			}
		})
	}
	moved := sample()
	data, err := moved.Encode()
	if err != nil {
		t.Fatal(err)
	}
	first, second := bytes.Index(data, []byte(`"name": "a"`)), bytes.Index(data, []byte(`"name": "b"`))
	if first < 0 || second < first {
		t.Fatal("artifacts are not sorted, or a set has lost its order")
	}
	data = bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(data, []byte(`p/a"`), []byte(`p/z"`)), []byte(`"name": "a"`), []byte(`"name": "z"`)), []byte("http://h/a"), []byte("http://h/z"))
	if l, err := Decode(data); err != nil || l.Items[0].Name != "b" {
		t.Fatal("what a merge has moved is not put in order", err)
	}
	for name, data := range map[string]string{"empty": "", "merge conflict": "<<<<<<< HEAD\n", "unknown key": `{"format":1,"x":1}`, "trailing": `{"format":1,"name":"n"} {}`} {
		if _, err := Decode([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFollow: clients ignore a mirror whose date does not move when its content does.
func TestFollow(t *testing.T) {
	now := day.AddDate(0, 1, 0)
	follow := func(l, previous *Lock, stated, want time.Time) {
		t.Helper()
		data, err := l.Follow(previous, "", stated, now)
		if err != nil || !l.Date.Equal(want) {
			t.Errorf("%s, want %s: %v", l.Date, want, err)
		}
		if again, err := Decode(data); err != nil || !again.Date.Equal(want) {
			t.Errorf("what was written does not say so: %v", err)
		}
	}
	first := sample()
	follow(first, nil, day, day)
	follow(sample(), first, day, day)
	changed := sample()
	changed.Items = changed.Items[:1]
	changed.Sets = nil
	follow(changed, first, day, day.Add(time.Second))
	back := sample()
	follow(back, changed, day, day.Add(2*time.Second))
	follow(sample(), back, day.AddDate(0, 0, 1), day.AddDate(0, 0, 1))

	// Upstream states no date: the lock has its own, and keeps it while it says the same.
	undated := sample()
	follow(undated, nil, time.Time{}, now)
	now = now.AddDate(0, 0, 1)
	follow(sample(), undated, time.Time{}, undated.Date)
	other := sample()
	other.Sets = nil
	follow(other, undated, time.Time{}, now)
	now = now.AddDate(-1, 0, 0) // a slow clock
	follow(sample(), other, time.Time{}, other.Date.Add(time.Second))
}

func FuzzDecode(f *testing.F) {
	data, err := sample().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Decode(data)
		if err != nil {
			return
		}
		for i := range l.Items {
			if !artifact.ValidPath(l.Items[i].Files[0].Path) {
				t.Fatal("a path that leaves the mirror")
			}
		}
	})
}
