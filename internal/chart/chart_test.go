package chart

import (
	"encoding/xml"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A shown is a shape of a picture, with its title.
type shown struct {
	title      string
	x, y, w, h float64
	hollow     bool
}

// A drawing is what a picture shows.
type drawing struct {
	shapes []shown
	texts  []string
	height float64
	title  string
}

// read parses a picture strictly: well-formed XML, one root, known elements and attributes.
func read(t *testing.T, svg string) (d drawing) {
	t.Helper()
	elements := []string{"svg", "title", "desc", "g", "rect", "text"}
	var open []string
	var title string
	decoder := xml.NewDecoder(strings.NewReader(svg))
	decoder.Strict = true
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if !slices.Contains(elements, name) || len(open) == 0 && name != "svg" || token.Name.Space != "http://www.w3.org/2000/svg" {
				t.Fatalf("<%s> in %q", name, open)
			}
			at := map[string]string{}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || a.Name.Local == "href" {
					t.Fatalf("<%s %s>", name, a.Name.Local)
				}
				at[a.Name.Local] = a.Value
			}
			f := func(key string) float64 {
				n, err := strconv.ParseFloat(at[key], 64)
				if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
					t.Fatalf("<%s %s=%q>", name, key, at[key])
				}
				return n
			}
			switch {
			case name == "rect":
				d.shapes = append(d.shapes, shown{title, f("x"), f("y"), f("width"), f("height"), at["stroke-dasharray"] != ""})
			case name == "svg" && len(open) == 0:
				d.height, _ = strconv.ParseFloat(strings.Fields(at["viewBox"])[3], 64)
				if at["role"] != "img" || at["aria-labelledby"] == "" {
					t.Errorf("the picture has no role or name: %v", at)
				}
			case name == "svg":
				if f("x")+f("width") > Width+0.01 || at["overflow"] != "hidden" {
					t.Errorf("a text leaves the picture: %v", at)
				}
			}
			open = append(open, name)
			title = ""
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch last := open[len(open)-1]; {
			case last == "title" && len(open) == 2:
				d.title += string(token)
			case last == "title":
				title += string(token)
			case last == "text":
				d.texts = append(d.texts, string(token))
			}
		}
	}
	if len(open) != 0 {
		t.Fatalf("not closed: %q", open)
	}
	return d
}

// TestTreemap checks on random sizes that areas are proportional, fill the picture, and do not overlap.
func TestTreemap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		shares := make([]Share, random.IntN(60))
		var total float64
		for i := range shares {
			size := int64(math.Exp(random.Float64() * 14))
			shares[i] = Share{"share-" + strconv.Itoa(i), size, strconv.FormatInt(size, 10)}
			total += float64(size)
		}
		d := read(t, Treemap("map", "sizes", "of a test", shares))
		if len(d.shapes) != len(shares) {
			t.Fatalf("round %d: %d shapes of %d shares", round, len(d.shapes), len(shares))
		}
		seen := map[string]bool{}
		for i, s := range d.shapes {
			_, text, _ := strings.Cut(s.title, ": ")
			size, err := strconv.ParseFloat(text, 64)
			if err != nil || seen[s.title] {
				t.Fatalf("title %q: %v", s.title, err)
			}
			seen[s.title] = true
			want := size / total * Width * d.height
			if got := s.w * s.h; math.Abs(got-want) > 0.002*(s.w+s.h)+0.001 {
				t.Errorf("round %d: %s has the area %f, want %f", round, s.title, got, want)
			}
			if s.x+s.w > Width+0.01 || s.y+s.h > d.height+0.01 {
				t.Errorf("round %d: %+v leaves the picture", round, s)
			}
			for _, other := range d.shapes[:i] {
				if w, h := overlap(s.x, s.w, other.x, other.w), overlap(s.y, s.h, other.y, other.h); w > 0.01 && h > 0.01 {
					t.Errorf("round %d: %+v and %+v overlap", round, s, other)
				}
			}
		}
	}
}

func overlap(a, lengthA, b, lengthB float64) float64 { return min(a+lengthA, b+lengthB) - max(a, b) }

// TestSquares checks that equal shares are nearly squares.
func TestSquares(t *testing.T) {
	for _, s := range read(t, Treemap("map", "x", "y", slices.Repeat([]Share{{"same", 1, "1"}}, 50))).shapes {
		if ratio := max(s.w/s.h, s.h/s.w); ratio > 2 {
			t.Errorf("%+v is no square: %f", s, ratio)
		}
	}
}

func TestSizesWithoutArea(t *testing.T) {
	d := read(t, Treemap("map", "x", "y", []Share{{"none", 0, "0"}, {"below", -5, "-5"}, {"one", math.MaxInt64, "much"}, {"two", math.MaxInt64, "much"}}))
	if len(d.shapes) != 2 || math.Abs(d.shapes[0].w*d.shapes[0].h-d.shapes[1].w*d.shapes[1].h) > 1 {
		t.Errorf("%+v", d.shapes)
	}
	if d := read(t, Treemap("map", "x", "y", []Share{{"one", math.MaxInt64, "much"}, {"two", 1, "1"}, {"three", 1, "1"}})); len(d.shapes) != 3 {
		t.Errorf("%+v", d.shapes)
	}
	if d := read(t, Treemap("map", "x", "y", nil)); len(d.shapes) != 0 {
		t.Errorf("%+v", d.shapes)
	}
}

func TestBars(t *testing.T) {
	d := read(t, Bars("bars", "x", "y", []Bar{
		{"first", []Part{{300, "used 300", false}, {100, "unused 100", true}}, "400"},
		{"second", []Part{{200, "used 200", false}, {0, "unused 0", true}}, "200"},
		{"third", nil, "0"},
	}))
	if len(d.shapes) != 3 {
		t.Fatalf("%+v", d.shapes)
	}
	a, b, c := d.shapes[0], d.shapes[1], d.shapes[2]
	if a.title != "used 300" || math.Abs(a.w-3*b.w) > 0.01 || math.Abs(c.w-2*b.w) > 0.01 || math.Abs(a.x+a.w-b.x) > 0.01 || a.hollow || !b.hollow {
		t.Errorf("%+v", d.shapes)
	}
	if a.y != b.y || c.y <= a.y+a.h {
		t.Errorf("bars overlap: %+v", d.shapes)
	}
	if want := []string{"first", "400", "second", "200", "third", "0"}; !slices.Equal(d.texts, want) {
		t.Errorf("%q, want %q", d.texts, want)
	}
	read(t, Bars("bars", "x", "y", nil))
}

// TestHostileTexts draws names that are markup, controls, and no text.
func TestHostileTexts(t *testing.T) {
	for _, name := range []string{`</svg><script>alert(1)</script>`, `" onload="alert(1)`, "&lt;", "]]>", "<!--", "\x00\x1b[31m", "\xff\xfe", "\u202eevil", "a\nb\tc", strings.Repeat("long", 1000), "\ufffe"} {
		for _, svg := range []string{
			Treemap("map", name, name, []Share{{name, 1, name}, {"plain", 1, "1"}}),
			Bars("bars", name, name, []Bar{{name, []Part{{1, name, false}}, name}}),
		} {
			d := read(t, svg)
			if strings.ContainsAny(svg, "\x00\x1b\u202e\t\n") || strings.ToValidUTF8(svg, "") != svg || strings.Contains(svg, "<script") || strings.Contains(svg, "<!--") {
				t.Errorf("%q: %q", name, svg)
			}
			if name == "&lt;" && (d.title != name || d.texts[0] != name) {
				t.Errorf("%q: %q, %q", name, d.title, d.texts)
			}
		}
	}
}
