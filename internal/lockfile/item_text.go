package lockfile

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// appendItem appends an item's text in a lock, as encoding/json would write and indent it. It exists for speed: a lock may have
// 60,000 items, and package json writes each of them twice to indent it.
func appendItem(b []byte, i *artifact.Item) []byte {
	b = appendText(append(b, "{\n      \"kind\": "...), i.Kind, false)
	b = appendText(append(b, ",\n      \"source\": "...), i.Source, false)
	b = appendText(append(b, ",\n      \"name\": "...), i.Name, false)
	b = appendText(append(b, ",\n      \"version\": "...), i.Version, false)
	if len(i.Attributes) > 0 {
		b = appendAttributes(append(b, ",\n      \"attributes\": "...), i.Attributes)
	}
	if i.Security {
		b = append(b, ",\n      \"security\": true"...)
	}
	if i.Requested {
		b = append(b, ",\n      \"requested\": true"...)
	}
	if i.Key != "" {
		b = appendText(append(b, ",\n      \"key\": "...), i.Key, false)
	}
	b = append(b, ",\n      \"files\": "...)
	b = appendList(b, i.Files, "\n      ", appendFile)
	if len(i.Metadata) > 0 {
		b = append(b, ",\n      \"metadata\": "...)
		b = appendList(b, i.Metadata, "\n      ", func(b []byte, line *string) []byte { return appendText(b, *line, false) })
	}
	return append(b, "\n    }"...)
}

func appendFile(b []byte, f *artifact.File) []byte {
	b = appendText(append(b, "{\n          \"path\": "...), f.Path, false)
	b = strconv.AppendInt(append(b, ",\n          \"size\": "...), f.Size, 10)
	b = appendText(append(b, ",\n          \"sha256\": "...), f.SHA256, false)
	b = append(b, ",\n          \"urls\": "...)
	b = appendList(b, f.URLs, "\n          ", func(b []byte, address *string) []byte { return appendText(b, *address, false) })
	return append(b, "\n        }"...)
}

// appendAttributes is artifact.Attributes.MarshalJSON, indented.
func appendAttributes(b []byte, all artifact.Attributes) []byte {
	separator := "{\n        "
	for _, a := range all {
		b = appendText(append(b, separator...), a.Name, true)
		b = append(b, ": "...)
		if len(a.Values) == 1 {
			b = appendText(b, a.Values[0], true)
		} else {
			b = appendList(b, append([]string{}, a.Values...), "\n        ", func(b []byte, value *string) []byte { return appendText(b, *value, true) })
		}
		separator = ",\n        "
	}
	return append(b, "\n      }"...)
}

// appendList appends the elements of a list, each on a line of its own. end is the line break before the end of the list.
func appendList[T any](b []byte, list []T, end string, add func([]byte, *T) []byte) []byte {
	switch {
	case list == nil:
		return append(b, "null"...)
	case len(list) == 0:
		return append(b, "[]"...)
	}
	separator := "["
	for i := range list {
		b = append(append(append(b, separator...), end...), "  "...)
		b = add(b, &list[i])
		separator = ","
	}
	return append(append(b, end...), ']')
}

// appendText appends a string. In attributes, package json also escapes HTML's special characters.
func appendText(b []byte, text string, html bool) []byte {
	if plain(text) && !(html && strings.ContainsAny(text, "<>&")) {
		return append(append(append(b, '"'), text...), '"')
	}
	var escaped bytes.Buffer
	enc := json.NewEncoder(&escaped)
	enc.SetEscapeHTML(html)
	_ = enc.Encode(text) // a string cannot fail
	return append(b, bytes.TrimSuffix(escaped.Bytes(), []byte("\n"))...)
}

// plain reports whether package json writes a text unchanged, apart from HTML's special characters.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
