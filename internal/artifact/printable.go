package artifact

import (
	"io"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Visible reports whether a character is visible in place: it is not a control character, does not change the direction of
// the text, and is not invisible (Unicode's Default_Ignorable_Code_Point, UAX 44; the empty Braille pattern).
func Visible(r rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return true
	case unicode.Is(unicode.Zs, r):
		return true
	}
	return strconv.IsPrint(r) && r != '\u2800' && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Printable makes untrusted text safe to read on a terminal or in a page: characters that are not Visible, except line
// ends and tabs, are escaped as in JSON ("\u202e"), so that JSON means the same afterwards. Bytes that are not UTF-8 become U+FFFD.
func Printable(text string) string {
	for i, r := range text {
		if !shown(r) || r == utf8.RuneError {
			return string(appendPrintable([]byte(text[:i]), text[i:]))
		}
	}
	return text
}

func shown(r rune) bool { return r == '\n' || r == '\t' || Visible(r) }

func appendPrintable(b []byte, text string) []byte {
	for _, r := range text {
		if shown(r) {
			b = utf8.AppendRune(b, r)
		} else {
			b = AppendEscape(b, r)
		}
	}
	return b
}

// AppendEscape appends a character as JSON escapes it (RFC 8259, section 7).
func AppendEscape(b []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return AppendEscape(AppendEscape(b, high), low)
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// PrintableWriter writes text to w as Printable does. It is safe for concurrent use if w is.
func PrintableWriter(w io.Writer) io.Writer { return &printableWriter{w: w} }

type printableWriter struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character
}

func (p *printableWriter) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append(p.rest, text...)
	end := len(all)
	for i := 1; i < utf8.UTFMax && i <= len(all); i++ {
		if last := all[len(all)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				end -= i
			}
			break
		}
	}
	p.rest = append([]byte(nil), all[end:]...)
	if _, err := io.WriteString(p.w, Printable(string(all[:end]))); err != nil {
		return 0, err
	}
	return len(text), nil
}
