package chart

import (
	"slices"
	"strings"
	"testing"
)

// A document has the shapes and texts of its sections, below each other, and nothing of them is markup.
func TestDocument(t *testing.T) {
	svg := Document("<title>", "what & what", []Section{
		{Lines: []string{"one", "two </svg>"}},
		{Lines: []string{"bars"}, Bars: []Bar{{"a", []Part{{3, "a: 3", false}, {1, "a: 1", true}}, "4"}}},
		{Shares: []Share{{"x", 2, "2"}, {"y\u202e", 1, "1"}}},
	})
	d := read(t, svg)
	if d.title != "<title>" {
		t.Errorf("%q", d.title)
	}
	for _, want := range []string{"one", "two </svg>", "bars", "a", "4", "x", "2"} {
		if !slices.Contains(d.texts, want) {
			t.Errorf("no %q in %q", want, d.texts)
		}
	}
	if len(d.shapes) != 1+2+2 { // with the background
		t.Errorf("%+v", d.shapes)
	}
	if want := 16 + 2*20 + 24 + (20 + 24 + 26) + (24 + 480); d.height != float64(want) {
		t.Errorf("%v high, want %d", d.height, want)
	}
	if strings.Contains(svg, "\u202e") {
		t.Error("a name changes the direction of the text")
	}
	if d := read(t, Document("t", "nothing", nil)); len(d.shapes) != 1 {
		t.Errorf("%+v", d.shapes)
	}
}
