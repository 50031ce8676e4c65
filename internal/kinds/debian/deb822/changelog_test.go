package deb822

import (
	"strings"
	"testing"
)

func TestParseChangelog(t *testing.T) {
	const text = "bash (5.2-1) unstable; urgency=medium\n\n  * One.\n    More.\n\n -- A B <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n\n" +
		"bash (1:5.1~rc1-1+b1) stable testing; urgency=low, binary-only=yes\n  * T\xe9st.\n -- no date\n\nOld history:\n\n  * Not an entry.\n\n" +
		"bash (no version) x; urgency=low\n\n  * Nor this.\n\n -- A B\n" +
		"bash (5.0-1) unstable; urgency=medium\n\n  * Cut off"
	entries := ParseChangelog(text)
	if len(entries) != 3 {
		t.Fatalf("%d entries: %+v", len(entries), entries)
	}
	if e := entries[0]; e.Version != "5.2-1" || e.Title != "bash (5.2-1) unstable; urgency=medium" || e.Text != "  * One.\n    More." || e.Footer != "A B <a@b>  Mon, 01 Jan 2024 00:00:00 +0000" {
		t.Errorf("%+v", e)
	}
	if e := entries[1]; e.Version != "1:5.1~rc1-1+b1" || e.Text != "  * Tést." || e.Footer != "no date" {
		t.Errorf("%+v", e)
	}
	if e := entries[2]; e.Version != "5.0-1" || e.Text != "  * Cut off" || e.Footer != "" {
		t.Errorf("%+v", e)
	}
}

func FuzzParseChangelog(f *testing.F) {
	f.Add("a (1) b; urgency=low\n\n  * x\n\n -- y  z\n")
	f.Add("a (1) b;\na (2) b;\n -- \n --\n\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range ParseChangelog(text) {
			if !ValidVersion(e.Version) || strings.ContainsAny(e.Title+e.Footer, "\n") || strings.ToValidUTF8(e.Text, "") != e.Text {
				t.Errorf("%+v", e)
			}
		}
	})
}
