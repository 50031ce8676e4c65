package server

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/minimirror/minimirror/internal/rules"
)

// The longest parts of a reason phrase, in bytes. Some clients show only 359 bytes of the whole.
const (
	maxPhrase = 160
	maxPlace  = 60
)

// denialPhrase is the reason phrase of a denial, "Denied: policy 4.2 (rules.yaml:7)": many clients print that, and not the body.
func denialPhrase(v rules.Verdict) string {
	if v.Rule == rules.DefaultRule {
		return "Denied: no rule allows it"
	}
	phrase := "Denied"
	if reason := plainASCII(v.Reason); strings.ContainsFunc(reason, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		phrase += ": " + shorten(reason, maxPhrase)
	}
	place := plainASCII(v.Rule)
	if over := len(place) - maxPlace; over > 0 {
		place = omitted + place[over+len(omitted):] // the line's number is at the end
	}
	return phrase + " (" + place + ")"
}

// omitted marks text that was left out of a phrase.
const omitted = "..."

func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.TrimRight(text[:limit-len(omitted)], " ") + omitted
}

// inASCII replaces characters that Unicode does not decompose.
var inASCII = strings.NewReplacer(
	"ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "đ", "d", "Đ", "D", "ð", "d", "Ð", "D",
	"þ", "th", "Þ", "Th", "ł", "l", "Ł", "L", "ħ", "h", "Ħ", "H", "ı", "i", "‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`,
	"«", `"`, "»", `"`, "‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "−", "-", "⁄", "/", "•", "*", "×", "x", "→", "->", "§", "section ", "€", "EUR ",
)

// plainASCII converts text to printable ASCII (RFC 9112, section 4): letters without their accents, and "..." for
// characters without an ASCII form.
func plainASCII(text string) string {
	var b strings.Builder
	left := false // something was left out
	for _, r := range inASCII.Replace(norm.NFKD.String(text)) {
		switch {
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
			left = false
		case unicode.Is(unicode.Mn, r): // an accent: drop it
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case !left:
			b.WriteString(omitted)
			left = true
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
