package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// numbered is a kind whose versions are numbers. Its items for any architecture replace all others.
type numbered struct{ artifact.Kind }

func (numbered) Name() string { return "numbered" }

func (numbered) CompareVersions(a, b string) (order int, ok bool) {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return x - y, errX == nil && errY == nil
}

func (numbered) Replaces(a, b *artifact.Item) bool {
	return a.Architecture() == b.Architecture() || a.Architecture() == "any" || b.Architecture() == "any"
}

// item reads "SOURCE NAME VERSION ARCHITECTURE [CHANNEL…]"; the content depends on name, version and architecture.
func item(kind, text string) artifact.Item {
	words := strings.Fields(text)
	i := artifact.Item{Kind: kind, Source: words[0], Name: words[1], Version: words[2],
		Attributes: artifact.NewAttributes(map[string][]string{"architecture": {words[3]}, "channel": words[4:]})}
	path := strings.Join(words[1:4], "_")
	i.Files = []artifact.File{{Path: path, Size: 1000, SHA256: strings.TrimPrefix(lockfile.Digest([]byte(path)), "sha256:")}}
	return i
}

func side(kind string, items ...string) *Side {
	c := &catalog.Catalog{Name: "made", Date: time.Unix(0, 0), Sources: []artifact.Source{{Kind: kind, Name: "s"}, {Kind: kind, Name: "t"}, {Kind: kind, Name: "other", System: "sys"}}}
	for _, text := range items {
		c.Items = append(c.Items, item(kind, text))
	}
	s := newSide("made", c)
	s.noLayers = "it is made"
	return s
}

// told writes the changes, a line each.
func told(d *Diff) (lines []string) {
	for _, c := range d.Changes {
		text := c.What + " " + c.Name
		if c.Old != nil {
			text += " " + c.Old.Source + ":" + c.Old.Version + ":" + c.Old.Attributes.Get("architecture")
		}
		if c.New != nil {
			text += " " + c.New.Source + ":" + c.New.Version + ":" + c.New.Attributes.Get("architecture")
		}
		lines = append(lines, text)
	}
	return lines
}

func TestPairs(t *testing.T) {
	for name, test := range map[string]struct{ a, b, want []string }{
		"same":                   {[]string{"s x 1 amd64"}, []string{"s x 1 amd64"}, nil},
		"upgraded":               {[]string{"s x 9 amd64"}, []string{"s x 10 amd64"}, []string{"upgraded x s:9:amd64 s:10:amd64"}},
		"downgraded":             {[]string{"s x 10 amd64"}, []string{"s x 9 amd64"}, []string{"downgraded x s:10:amd64 s:9:amd64"}},
		"from another source":    {[]string{"s x 1 amd64"}, []string{"t x 2 amd64"}, []string{"upgraded x s:1:amd64 t:2:amd64"}},
		"moved":                  {[]string{"s x 1 amd64"}, []string{"t x 1 amd64"}, []string{"moved x s:1:amd64 t:1:amd64"}},
		"another channel":        {[]string{"s x 1 amd64 a"}, []string{"s x 1 amd64 a b"}, []string{"moved x s:1:amd64 s:1:amd64"}},
		"not for another system": {[]string{"s x 1 amd64"}, []string{"other x 2 amd64"}, []string{"added x other:2:amd64", "removed x s:1:amd64"}},
		"architectures apart":    {[]string{"s x 1 amd64", "s x 1 arm64"}, []string{"s x 2 arm64", "s x 1 amd64"}, []string{"upgraded x s:1:arm64 s:2:arm64"}},
		"one in several's place": {[]string{"s x 1 amd64", "s x 1 arm64"}, []string{"s x 2 any"}, []string{"upgraded x s:1:amd64 s:2:any", "upgraded x s:1:arm64 s:2:any"}},
		"several in one's place": {[]string{"s x 1 any"}, []string{"s x 2 amd64", "s x 2 arm64"}, []string{"upgraded x s:1:any s:2:amd64", "upgraded x s:1:any s:2:arm64"}},
		"nothing replaces":       {[]string{"s x 1 amd64"}, []string{"s x 2 arm64"}, []string{"added x s:2:arm64", "removed x s:1:amd64"}},
		"by channel": {[]string{"s x 1 amd64 stable", "s x 5 amd64 backports"}, []string{"s x 6 amd64 backports", "s x 2 amd64 stable"},
			[]string{"upgraded x s:1:amd64 s:2:amd64", "upgraded x s:5:amd64 s:6:amd64"}},
		"by channel, one of them": {[]string{"s x 1 amd64 stable", "s x 5 amd64 backports"}, []string{"s x 5 amd64 stable"},
			[]string{"removed x s:1:amd64", "moved x s:5:amd64 s:5:amd64"}},
		"the newest first": {[]string{"s x 1 amd64", "s x 3 amd64"}, []string{"s x 4 amd64", "s x 2 amd64", "s x 0 amd64"},
			[]string{"upgraded x s:1:amd64 s:2:amd64", "upgraded x s:3:amd64 s:4:amd64", "added x s:0:amd64"}},
		"without an order": {[]string{"s x 1 amd64"}, []string{"s x new amd64"}, []string{"changed x s:1:amd64 s:new:amd64"}},
		"a version more":   {[]string{"s x 1 amd64"}, []string{"s x 1 amd64", "s x 2 amd64"}, []string{"added x s:2:amd64"}},
	} {
		d := Compare(side("numbered", test.a...), side("numbered", test.b...), []artifact.Kind{numbered{}})
		if got := told(d); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// Of a kind that the program does not know, nobody can tell which version is higher.
	d := Compare(side("foreign", "s x 1 amd64", "s y 1 any"), side("foreign", "s x 2 amd64", "s y 1 amd64"), []artifact.Kind{numbered{}})
	if got, want := told(d), []string{"changed x s:1:amd64 s:2:amd64", "added y s:1:amd64", "removed y s:1:any"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEachItemOnce checks, on random sides, that every item of A and of B is in a change or unchanged, that each is so once unless one
// takes the place of several, and that the other way round the same pairs are found.
func TestEachItemOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		sides := [2]*Side{}
		for i := range sides {
			var items []string
			for range random.IntN(12) {
				text := fmt.Sprintf("%s %s %d %s", []string{"s", "t", "other"}[random.IntN(3)], []string{"x", "y"}[random.IntN(2)], random.IntN(4), []string{"amd64", "arm64", "any"}[random.IntN(3)])
				if !slices.ContainsFunc(items, func(i string) bool { return strings.HasPrefix(i+" ", text+" ") }) {
					items = append(items, text+[]string{"", " a", " b", " a b"}[random.IntN(4)])
				}
			}
			sides[i] = side("numbered", items...)
		}
		p := newPairing(sides[0], sides[1], []artifact.Kind{numbered{}})
		p.pairAll()
		as, bs := map[string]int{}, map[string]int{}
		for _, x := range slices.Concat(p.pairs, p.same) {
			if x.a != nil {
				as[x.a.ID()]++
			}
			if x.b != nil {
				bs[x.b.ID()]++
			}
			if x.a != nil && x.b != nil && (x.a.Name != x.b.Name || !(numbered{}).Replaces(x.a, x.b) || sides[0].systems[x.a.Source] != sides[1].systems[x.b.Source]) {
				t.Fatalf("%s takes the place of %s", x.b, x.a)
			}
		}
		for _, both := range []struct {
			side *Side
			seen map[string]int
		}{{sides[0], as}, {sides[1], bs}} {
			for i := range both.side.Catalog.Items {
				if n := both.seen[both.side.Catalog.Items[i].ID()]; n < 1 || n > 6 {
					t.Fatalf("%s: seen %d times", both.side.Catalog.Items[i].ID(), n)
				}
			}
		}
		if d := Compare(sides[0], sides[0], []artifact.Kind{numbered{}}); d.Count.any() || d.Count.Unchanged != len(sides[0].Catalog.Items) {
			t.Fatalf("a side is not the same as itself: %q", told(d))
		}
	}
}

// TestHostileNames writes names that break lines, tables and links.
func TestHostileNames(t *testing.T) {
	a, b := side("numbered"), side("numbered")
	names := []string{"a|b", "<script>", "[x](http://example.org)", "www.example.org", "@all", "**", "`", "x\ny", "| --- |", "- x", "1. x", "a\\", "&lt;", "~~x~~", "#1", "\u202eevil", "$x$"}
	for _, name := range names {
		i := item("numbered", "s x 1 amd64")
		i.Name, i.Version = name, name
		b.Catalog.Items = append(b.Catalog.Items, i)
	}
	d := Compare(a, b, []artifact.Kind{numbered{}})
	var text, markdown strings.Builder
	if err := d.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := d.Markdown(&markdown); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(text.String(), "\n  "); got != len(names) {
		t.Errorf("%d lines of items, want %d:\n%s", got, len(names), text.String())
	}
	rows := 0
	for line := range strings.Lines(markdown.String()) {
		if !strings.HasPrefix(line, "| ") || !strings.Contains(line, "0.1 MB") {
			continue
		}
		rows++
		cells := 0
		for i := range line {
			if line[i] == '|' && line[i-min(i, 1)] != '\\' {
				cells++
			}
		}
		if cells != 6 {
			t.Errorf("%d bars: %s", cells, line)
		}
		for _, bad := range []string{"<script", "](", "://", "www.", "@", "**", "~~", " `", "&lt"} {
			if at := strings.Index(line, bad); at >= 0 && !(at > 0 && line[at-1] == '\\') && bad != "](" {
				t.Errorf("%q is markup: %s", bad, line)
			}
		}
	}
	if rows != len(names) {
		t.Errorf("%d rows, want %d:\n%s", rows, len(names), markdown.String())
	}
	for text, want := range map[string]string{"- x": `\- x`, "1. x": `1\. x`, "1.0-1": "1.0-1", "---": `\---`, "-x": "-x", "  x": "x", "1:2.0~rc1+b1": `1:2.0\~rc1+b1`} {
		if got := escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
