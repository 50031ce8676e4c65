package glob

import (
	"strings"
	"unicode/utf8"
)

// match tries the shortest text for each star, and lengthens the last star as long as it may grow; then the last
// star that may take a slash. That is enough: what an earlier star left out, that one can take.
func match(tokens []token, s string) bool {
	type place struct{ token, end int } // of a star: where it is, and where its text ends
	const none = -1
	last, wide := place{none, 0}, place{none, 0}
	at, next := 0, 0
	for at < len(s) || next < len(tokens) {
		if next < len(tokens) {
			t := &tokens[next]
			if t.star() {
				last = place{next, at}
				if t.kind != element {
					wide = last
				}
				next++
				continue
			}
			if r, n := utf8.DecodeRuneInString(s[at:]); n > 0 && t.match(r) {
				at += n
				next++
				continue
			}
		}
		end := none
		if last.token != none {
			end = grow(tokens[last.token].kind, s, last.end)
		}
		if end == none && wide.token != none && wide.token != last.token {
			last = wide
			end = grow(tokens[last.token].kind, s, last.end)
		}
		if end == none {
			return false
		}
		last.end = end
		if last.token == wide.token {
			wide = last
		}
		at, next = end, last.token+1
	}
	return true
}

// grow returns where the text of a star that ended at end may end next; -1: nowhere.
func grow(k kind, s string, end int) int {
	if end == len(s) || k == element && s[end] == '/' {
		return -1
	}
	if k == folders {
		slash := strings.IndexByte(s[end:], '/')
		if slash < 0 {
			return -1
		}
		return end + slash + 1
	}
	_, n := utf8.DecodeRuneInString(s[end:])
	return end + n
}

func (t *token) match(r rune) bool {
	if t.paths && r == '/' {
		return false
	}
	if t.kind == one {
		return true
	}
	for i := 0; i < len(t.ranges); i += 2 {
		if t.ranges[i] <= r && r <= t.ranges[i+1] {
			return !t.not
		}
	}
	return t.not
}
