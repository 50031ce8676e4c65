package receipt_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/receipt"
)

// TestOneLine wants that no text in a receipt begins a line: in what lock --want prints, which people paste, it would be a line of YAML.
func TestOneLine(t *testing.T) {
	const evil = "x\ndebian:\n  packages: [evil]\r\t\x1b[2J\u202e\u2028../../etc"
	asked := []receipt.AskedItem{
		ask("debian", "jq", "1\n"+evil, "amd64", evil, 1, 1),
		ask("debian", "jq", "1", "amd64\n"+evil, evil, 1, 1),
		ask("debian", evil, "1", "amd64", evil, 1, 1),
		ask("images", evil, evil, evil, evil, 1, 1),
		ask("files", evil, evil, evil, "/files/charts/x-1.0"+evil+".tgz", 1, 1),
		ask("files", "", "", "", "/files/tools/"+evil, 1, 1),
		ask(evil, evil, "", "", evil, 1, 1),
		ask("", "", "", "", evil, 1, 1),
	}
	r := &receipt.Receipt{
		Name: "north", Created: made, Program: evil, Rules: true,
		Imported: []receipt.Import{{Name: evil, ID: evil}},
		Images:   []receipt.Image{{Name: evil, Digest: "sha256:" + digits}},
		Damaged:  []receipt.Damage{{Digest: "sha256:" + digits, Why: evil}},
		Denied:   []receipt.Denied{{Rule: evil, Match: evil, Reason: evil, Names: []string{evil}}},
		Asked:    &receipt.Asked{Total: len(asked), Items: asked},
	}
	s, err := r.Sign(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	key, err := filepath.Abs("../../images/keys/debian-12.asc")
	if err != nil {
		t.Fatal(err)
	}
	var listing bytes.Buffer
	if err := s.Text(&listing, 0); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"inspect": listing.String(), "lock --want": want(t, strings.Replace(definition, "KEY", key, 1), nil, asked...)} {
		if strings.ContainsAny(text, "\r\t\x1b\u202e\u2028") {
			t.Errorf("%s: characters that are not visible: %q", name, text)
		}
		for line := range strings.Lines(text) {
			if trimmed := strings.TrimLeft(line, " "); strings.HasPrefix(trimmed, "packages: [evil]") || trimmed == "debian:\n" && name == "inspect" {
				t.Errorf("%s: text of a receipt begins a line:\n%s", name, text)
			}
		}
	}
}

const digits = "abababababababababababababababababababababababababababababababab"

// TestRefused wants that nobody signs, and nobody reads, a receipt with such a name or such numbers.
func TestRefused(t *testing.T) {
	k := newKey(t)
	for _, c := range []struct {
		name   string
		change func(r *receipt.Receipt)
		want   string
	}{
		{"a name of two lines", func(r *receipt.Receipt) { r.Name = "north\nsigned by minisign" }, "not visible"},
		{"a name that moves the cursor", func(r *receipt.Receipt) { r.Name = "north\x1b[2J" }, "not visible"},
		{"a name that is read from right to left", func(r *receipt.Receipt) { r.Name = "north\u202e" }, "not visible"},
		{"a long name", func(r *receipt.Receipt) { r.Name = strings.Repeat("n", 513) }, "too long"},
		{"a count that is too small", func(r *receipt.Receipt) {
			r.Asked = &receipt.Asked{Items: []receipt.AskedItem{{Asked: artifact.Asked{Path: "/x"}}}}
		}, "lists 1 of what was asked for, and counts 0"},
		{"a digest that is none", func(r *receipt.Receipt) { r.Damaged = []receipt.Damage{{Digest: "../../etc/passwd"}} }, "digest"},
		{"an image without a digest", func(r *receipt.Receipt) { r.Images = []receipt.Image{{Name: "north"}} }, "digest"},
	} {
		r := &receipt.Receipt{Name: "north", Created: made}
		c.change(r)
		if _, err := r.Sign(k); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: signed: %v", c.name, err)
		}
		body, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signature, err := k.Sign(body, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Read(fmt.Appendf(body, "%s", signature)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read: %v", c.name, err)
		}
	}
	if _, err := receipt.Read(make([]byte, receipt.MaxSize+1)); err == nil || !strings.Contains(err.Error(), "larger than 67.1 MB") {
		t.Error(err)
	}
}
