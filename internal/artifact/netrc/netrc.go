// Package netrc reads files of names and passwords: netrc(5), and the formats that programs have made of it.
package netrc

import (
	"net/url"
	"strings"
)

// An Entry is the login for a machine.
type Entry struct {
	Machine        string // as it is written
	User, Password string
}

// Userinfo is the entry's name and password.
func (e Entry) Userinfo() *url.Userinfo { return url.UserPassword(e.User, e.Password) }

// Parse reads netrc(5): words may be in quotation marks, and macros are left out. So is the "default" entry: it would hand a password to every host.
func Parse(text string) []Entry {
	var words []string
	macro := false
	for line := range lines(text) {
		switch {
		case len(line) == 0:
			macro = false // ends with an empty line
		case macro:
		case line[0] == "macdef":
			macro = true
		default:
			for _, word := range line {
				words = append(words, strings.Trim(word, `"`))
			}
		}
	}
	return parse(words, map[string]bool{"default": true, "account": true})
}

// ParsePlain reads the dialect without quotation marks, macros, accounts and defaults.
func ParsePlain(text string) []Entry {
	var words []string
	for line := range lines(text) {
		words = append(words, line...)
	}
	return parse(words, nil)
}

// lines are the words of each line; a comment has a line of its own, and is left out.
func lines(text string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			if len(words) > 0 && strings.HasPrefix(words[0], "#") {
				continue
			}
			if !yield(words) {
				return
			}
		}
	}
}

// parse makes entries of the words. more are keywords beside those of every dialect.
func parse(words []string, more map[string]bool) (entries []Entry) {
	key, open := "", false // of an entry
	for _, word := range words {
		last := len(entries) - 1
		switch {
		case key == "machine":
			entries = append(entries, Entry{Machine: word})
			open = true
		case key == "login" && open:
			entries[last].User = word
		case key == "password" && open:
			entries[last].Password = word
		}
		if key != "" {
			key = ""
			continue
		}
		switch {
		case word == "default" && more[word]:
			open = false
		case word == "machine", word == "login", word == "password", more[word]:
			key = word
		}
	}
	return entries
}
