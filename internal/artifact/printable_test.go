package artifact_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"plain\ttext\n":                  "plain\ttext\n",
		"Größe 東京 é e\u0301 🙂":           "Größe 東京 é e\u0301 🙂",
		"a\u00a0b\u3000c":                "a\u00a0b\u3000c",
		"\u202eevil\u202c":               `\u202eevil\u202c`,
		"\u202a\u202b\u202d":             `\u202a\u202b\u202d`,
		"\u2066\u2067\u2068\u2069":       `\u2066\u2067\u2068\u2069`,
		"\u200e\u200f\u061c":             `\u200e\u200f\u061c`,
		"a\u200bb\u200c\u200d\u2060":     `a\u200bb\u200c\u200d\u2060`,
		"soft\u00adhyphen\ufeff":         `soft\u00adhyphen\ufeff`,
		"\u115f\u3164\uffa0\u2800\u034f": `\u115f\u3164\uffa0\u2800\u034f`,
		"\ufe0f\U000e0100":               `\ufe0f\udb40\udd00`,
		"\U000e0041 tag":                 `\udb40\udc41 tag`,
		"\x1b[31m\x07\r\x7f\u009b":       `\u001b[31m\u0007\u000d\u007f\u009b`,
		"\u2028\u2029\ue000":             `\u2028\u2029\ue000`,
		"\xff\xe2\x80":                   "\ufffd\ufffd\ufffd",
		`\u202e`:                         `\u202e`,
	} {
		if got := artifact.Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		// Piece by piece it is the same.
		for _, pieces := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			var out bytes.Buffer
			if _, err := io.Copy(struct{ io.Writer }{artifact.PrintableWriter(&out)}, pieces); err != nil || out.String() != strings.TrimSuffix(want, "\ufffd\ufffd") && out.String() != want {
				t.Errorf("%q written: %q, %v", text, out.String(), err)
			}
		}
	}
}

// JSON means the same afterwards.
func FuzzPrintableJSON(f *testing.F) {
	f.Add("a\u202eb\U000e0041\x00\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal([]byte(artifact.Printable(string(encoded))), &back); err != nil || back != text {
			t.Errorf("%q became %q, %v", text, back, err)
		}
		if shown := artifact.Printable(text); artifact.Printable(shown) != shown || strings.Count(shown, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q: %q", text, shown)
		}
	})
}
