package pages_test

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// An inspection is what was found in an HTML page.
type inspection struct {
	problems []string
	links    []string // values of href
	text     string   // what is to be read, without style
	title    string
}

var voidElements = []string{"meta", "link", "input", "br", "hr", "img", "col"}

// inspect reads HTML strictly: every element is closed where it must be, none is left to the browser's mercy.
func inspect(page string) (i inspection) {
	wrong := func(format string, args ...any) { i.problems = append(i.problems, fmt.Sprintf(format, args...)) }
	if !strings.HasPrefix(page, "<!doctype html>\n<html lang=\"en\">\n") {
		wrong("it does not begin as it should")
	}
	if strings.ToValidUTF8(page, "") != page || strings.ContainsAny(page, "\x00\x1b") {
		wrong("bytes that are no text")
	}
	var open []string
	ids, labels, inputs, count := map[string]bool{}, map[string]bool{}, []string{}, map[string]int{}
	var text strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF {
				wrong("%v", z.Err())
			}
			break
		}
		token := z.Token()
		if kind != html.TextToken && !slices.Contains([]string{"a", "code", "span", "strong", "time"}, token.Data) {
			text.WriteByte(' ')
		}
		switch kind {
		case html.TextToken:
			if len(open) > 0 && open[len(open)-1] == "title" && !slices.Contains(open, "svg") {
				i.title += token.Data
			}
			if !slices.Contains(open, "style") {
				text.WriteString(token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				wrong("</%s> closes %v", token.Data, open)
				continue
			}
			open = open[:len(open)-1]
		case html.SelfClosingTagToken, html.StartTagToken:
			if token.Data != "title" || !slices.Contains(open, "svg") { // shapes of a picture have titles
				count[token.Data]++
			}
			if slices.Contains(open, "p") && slices.Contains([]string{"p", "div", "dl", "table", "ul", "pre", "h1", "h2", "article"}, token.Data) {
				wrong("<%s> in <p>", token.Data)
			}
			if kind == html.StartTagToken && !slices.Contains(voidElements, token.Data) {
				open = append(open, token.Data)
			}
			at := map[string]string{}
			for _, a := range token.Attr {
				if _, twice := at[a.Key]; twice {
					wrong("<%s> has %s twice", token.Data, a.Key)
				}
				at[a.Key] = a.Val
				switch a.Key {
				case "href", "src", "action":
					if strings.Contains(a.Val, "://") || strings.HasPrefix(a.Val, "//") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
						wrong("<%s> leads to %s", token.Data, a.Val)
					}
				case "style":
					wrong("<%s> has a style", token.Data)
				}
				if strings.HasPrefix(a.Key, "on") {
					wrong("<%s> has %s", token.Data, a.Key)
				}
			}
			if id := at["id"]; id != "" {
				if ids[id] {
					wrong("id %q twice", id)
				}
				ids[id] = true
			}
			switch token.Data {
			case "script", "iframe", "object", "img":
				wrong("<%s>", token.Data)
			case "a":
				i.links = append(i.links, at["href"])
			case "label":
				labels[at["for"]] = true
			case "input", "select":
				inputs = append(inputs, at["id"])
			case "th":
				if at["scope"] == "" {
					wrong("<th> without scope")
				}
			case "nav":
				if at["aria-label"] == "" {
					wrong("<nav> without a label")
				}
			}
		}
	}
	for _, id := range inputs {
		if !labels[id] {
			wrong("input %q has no label", id)
		}
	}
	if len(open) > 0 {
		wrong("not closed: %v", open)
	}
	for _, once := range []string{"h1", "main", "title", "header", "footer"} {
		if count[once] != 1 {
			wrong("%d times <%s>", count[once], once)
		}
	}
	if i.title == "" {
		wrong("no title")
	}
	i.text = strings.Join(strings.Fields(text.String()), " ")
	return i
}
