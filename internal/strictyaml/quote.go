package strictyaml

import (
	"slices"
	"strconv"
	"strings"
)

// Quote writes a text as it may stand in a list in brackets or as the value of a key: in quotes where YAML would take it for
// something else.
func Quote(text string) string {
	var plain struct {
		Value string   `yaml:"value"`
		List  []string `yaml:"list"`
	}
	if Decode("", []byte("value: "+text+" # comment\nlist: ["+text+"]\n"), &plain) == nil && plain.Value == text && slices.Equal(plain.List, []string{text}) {
		return text
	}
	return strconv.QuoteToASCII(text) // the escapes of Go's strings are among those of YAML 1.2, 5.7
}

// QuoteList writes a list in brackets.
func QuoteList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
