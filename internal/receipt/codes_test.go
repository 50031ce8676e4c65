package receipt_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/content/contenttest"
	"github.com/minimirror/minimirror/internal/receipt"
)

// big is a receipt of 60 layers and what clients asked for.
func big(t testing.TB, k key) *receipt.Signed {
	t.Helper()
	l := contenttest.New(t, 6)
	sizes := make([]int, 60)
	for i := range sizes {
		sizes[i] = 100 + i
	}
	l.List("minimirror.local/site:20261201-0123abcd", l.Image(sizes...))
	return signed(t, k, l.Dir, false)
}

// scan reads the code in a picture with zbarimg.
func scan(t *testing.T, picture []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("zbarimg", "--quiet", file).Output()
	if err != nil {
		t.Fatalf("zbarimg: %v: it is in Debian's package zbar-tools: apt-get install zbar-tools", err)
	}
	return string(out)
}

// TestPNGs reads the pictures of a receipt with another program, and the receipt from what it prints, in the wrong order.
func TestPNGs(t *testing.T) {
	k := newKey(t)
	s := big(t, k)
	pictures, err := s.PNGs()
	if err != nil || len(pictures) < 2 {
		t.Fatal(len(pictures), err)
	}
	var lines []string
	for _, p := range pictures {
		lines = append(lines, scan(t, p))
	}
	slices.Reverse(lines)
	check(t, k, s, strings.Join(lines, "\n"))
}

func check(t *testing.T, k key, want *receipt.Signed, lines string) {
	t.Helper()
	got, err := receipt.Read([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Verify(k); err != nil || !bytes.Equal(got.File(), want.File()) {
		t.Errorf("another receipt: %v", err)
	}
}

// TestTerminal draws what a terminal shows, and reads it like a picture.
func TestTerminal(t *testing.T) {
	k := newKey(t)
	s := big(t, k)
	var out bytes.Buffer
	if err := s.Terminal(&out); err != nil {
		t.Fatal(err)
	}
	var lines []string
	var rows []string
	draw := func() {
		if len(rows) > 0 {
			lines = append(lines, scan(t, drawn(t, rows)))
		}
		rows = nil
	}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "receipt of north, 2026-12-01 10:20 UTC: code "):
			draw()
		case line != "":
			if n := len([]rune(line)); n > 80 {
				t.Fatalf("a line of %d columns", n)
			}
			rows = append(rows, line)
		}
	}
	draw()
	check(t, k, s, strings.Join(lines, ""))
}

func drawn(t *testing.T, rows []string) []byte {
	t.Helper()
	const scale = 4
	width := len([]rune(rows[0]))
	picture := image.NewGray(image.Rect(0, 0, width*scale, 2*len(rows)*scale))
	for y, row := range rows {
		for x, r := range []rune(row) {
			for half, light := range [2]bool{r == '█' || r == '▀', r == '█' || r == '▄'} {
				for dy := range scale {
					for dx := range scale {
						if light {
							picture.SetGray(x*scale+dx, (2*y+half)*scale+dy, color.Gray{Y: 255})
						}
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPage(t *testing.T) {
	s := big(t, newKey(t))
	page, err := s.Page()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := s.Lines(receipt.PageData)
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		if want := fmt.Sprintf("<figcaption>%d of %d</figcaption>", i+1, len(lines)); strings.Count(string(page), want) != 1 {
			t.Errorf("the page lacks %s", want)
		}
	}
	if got := strings.Count(string(page), "<svg "); got != len(lines) {
		t.Errorf("%d pictures for %d codes", got, len(lines))
	}
}

func TestLines(t *testing.T) {
	k := newKey(t)
	s, other := big(t, k), signed(t, k, t.TempDir(), false)
	lines, err := s.Lines(500)
	if err != nil || len(lines) < 4 {
		t.Fatal(lines, err)
	}
	strange, err := other.Lines(500)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if strings.ContainsFunc(line, func(r rune) bool { return !strings.ContainsRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", r) }) {
			t.Errorf("%s has characters that codes do not store well", line)
		}
	}
	changed := func(i int, f func(line string) string) []string {
		c := slices.Clone(lines)
		c[i] = f(c[i])
		return c
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"all", lines, ""},
		{"in lower case, with what scanners add", changed(0, func(l string) string { return " QR-Code:" + strings.ToLower(l) + "\r" }), ""},
		{"twice", append(slices.Clone(lines), lines...), ""},
		{"two missing", append(slices.Clone(lines[:1]), lines[3:]...), fmt.Sprintf("codes are missing: 2, 3 of %d", len(lines))},
		{"a wrong letter", changed(1, func(l string) string {
			return l[:len(l)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(l, "A")]
		}), fmt.Sprintf("code 2 of %d was not read correctly", len(lines))},
		{"another receipt", append(slices.Clone(lines), strange[0]), "a code of another receipt"},
		{"cut off", changed(2, func(l string) string { return l[:12] }), "line 3: not the line of a code"},
		{"a number that is too high", changed(0, func(l string) string { return strings.Replace(l, ":1/", ":99/", 1) }), "is not the number of a code"},
	} {
		got, err := receipt.Read([]byte(strings.Join(c.lines, "\n")))
		if c.want == "" {
			if err != nil || !bytes.Equal(got.File(), s.File()) {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestSize wants a receipt of 60 layers in a few kB, and a brief one in one code.
func TestSize(t *testing.T) {
	k := newKey(t)
	s := big(t, k)
	if n := len(s.File()); n > 4000 {
		t.Errorf("%d bytes", n)
	}
	l := contenttest.New(t, 7)
	l.List("minimirror.local/site:20261201-0123abcd", l.Image(make([]int, 60)...))
	if lines, err := signed(t, k, l.Dir, true).Lines(receipt.PageData); err != nil || len(lines) != 1 {
		t.Errorf("brief: %d codes, %v", len(lines), err)
	}
}

func TestDigests(t *testing.T) {
	var b receipt.Blobs
	for i := range 100 {
		b.Add(digest.FromString(fmt.Sprint(i)), 1)
		b.Add(digest.SHA512.FromString(fmt.Sprint(i)), 1)
	}
	text, err := b.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var again receipt.Blobs
	if err := again.UnmarshalJSON(text); err != nil || !slices.Equal(again.All(), b.All()) || again.Bytes() != 200 {
		t.Error(err)
	}
	for _, bad := range []string{
		`{"count":1,"bytes":0}`, `{"count":0,"bytes":-1}`, `{"count":1,"bytes":1,"sha256":"AAAA"}`, `{"count":1,"bytes":1,"sha256":"*"}`,
		`{"count":2,"bytes":1,"sha256":"` + strings.Repeat("A", 85) + `A="}`,
	} {
		if err := again.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
