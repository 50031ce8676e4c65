package provenance

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

func subject() *Subject {
	sum := func(c string) string { return strings.Repeat(c, 64) }
	return &Subject{Name: "site", Lock: "sha256:" + sum("1"), Programs: []Program{{"linux/amd64", sum("2")}}, Sources: []artifact.Source{{Name: "debian", Releases: []artifact.Release{
		{Name: "bookworm", URL: "http://ftp.debian.org/a", SHA256: sum("3"), Date: time.Unix(1e9, 0), SignedBy: []string{"AA", "BB"}},
		{Name: "bookworm-updates", URL: "http://ftp.debian.org/b", SHA256: sum("4"), Date: time.Unix(1e9, 0), SignedBy: []string{"AA"}},
	}}}}
}

// What is stated of an image matches this image, and no other one.
func TestCompare(t *testing.T) {
	builder := Builder{Version: "v1", SHA256: strings.Repeat("5", 64)}
	good := func() *Predicate {
		of := subject()
		of.Programs = append(of.Programs, Program{"linux/arm64", strings.Repeat("6", 64)})
		return of.Predicate(builder)
	}
	check := func(p any) (*Stated, error) {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return subject().Compare(text)
	}
	stated, err := check(good())
	if err != nil || !stated.Compared || stated.By != builder || stated.Releases != 2 || stated.Lock != subject().Lock {
		t.Fatalf("%+v, %v", stated, err)
	}
	at := func(p *Predicate, name string) *Resource {
		for i := range p.Definition.Resolved {
			if p.Definition.Resolved[i].Name == name {
				return &p.Definition.Resolved[i]
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	for want, change := range map[string]func(*Predicate){
		`it gives the name "other", and the image has "site"`:       func(p *Predicate) { p.Definition.External["name"] = "other" },
		`it gives the lock "sha256:0", and the image has "sha256:1`: func(p *Predicate) { p.Definition.External["lock"] = "sha256:0" },
		`it gives "mirror.lock" the sha256 0, and the image has 1`:  func(p *Predicate) { at(p, "mirror.lock").Digest = sha256Of("0") },
		`it gives "debian bookworm" the sha256 0`:                   func(p *Predicate) { at(p, "debian bookworm").Digest = sha256Of("0") },
		`it gives "debian bookworm" the address http://x`:           func(p *Predicate) { at(p, "debian bookworm").URI = "http://x" },
		`it says that "debian bookworm" has map[`:                   func(p *Predicate) { at(p, "debian bookworm").Annotations["signed-by"] = "CC" },
		`it gives "program linux/amd64" the sha256 0`:               func(p *Predicate) { at(p, "program linux/amd64").Digest = sha256Of("0") },
		`it does not list "debian bookworm-updates"`: func(p *Predicate) {
			p.Definition.Resolved = append(p.Definition.Resolved[:2], p.Definition.Resolved[3:]...)
		},
		`it lists "debian bookworm" twice`: func(p *Predicate) { p.Definition.Resolved = append(p.Definition.Resolved, *at(p, "debian bookworm")) },
		`it lists "debian sid" twice, or`: func(p *Predicate) {
			p.Definition.Resolved = append(p.Definition.Resolved, Resource{Name: "debian sid"})
		},
		`the SHA-256 of the program that built`: func(p *Predicate) { p.Run.Builder.Dependencies = nil },
	} {
		p := good()
		change(p)
		if _, err := check(p); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	// The index of images that carry different items lists the sources of all of them.
	whole := good()
	whole.Definition.Resolved = append(whole.Definition.Resolved, Resource{Name: "vendor bookworm"})
	part := subject()
	part.Part = true
	for name, more := range map[string]string{"": "", "debian sid": "debian sid", "mirror.lock": "mirror.lock", "debian bookworm": "debian bookworm", "program linux/amd64": "program linux/amd64"} {
		p := *whole
		if more != "" {
			p.Definition.Resolved = append(p.Definition.Resolved[:len(p.Definition.Resolved):len(p.Definition.Resolved)], Resource{Name: more})
		}
		text, err := json.Marshal(p)
		if err == nil {
			_, err = part.Compare(text)
		}
		if (err != nil) != (name != "") {
			t.Errorf("%q twice: %v", name, err)
		}
	}
	if _, err := check(whole); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("an image of everything: %v", err)
	}
	// What another builder states is not compared, and not refused.
	p := good()
	p.Definition.Type = "https://ci.example.org/build"
	p.Definition.Resolved = nil
	if stated, err := check(p); err != nil || stated.Compared || stated.Type != p.Definition.Type || stated.Lock != "" {
		t.Errorf("%+v, %v", stated, err)
	}
	if _, err := check([]string{"x"}); !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("%v", err)
	}
}
