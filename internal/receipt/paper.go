package receipt

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"

	"rsc.io/qr"

	"github.com/minimirror/minimirror/internal/artifact"
)

// quiet is the margin around a code, in modules: ISO/IEC 18004 wants four.
const quiet = 4

func encodeLine(line string, level qr.Level) (*qr.Code, error) {
	c, err := qr.Encode(line, level)
	if err != nil {
		err = fmt.Errorf("QR code: %w", err)
	}
	return c, err
}

// Terminal writes the codes for a terminal with a dark background and UTF-8, two rows of modules in each line.
func (s *Signed) Terminal(w io.Writer) error {
	lines, err := s.Lines(TerminalData)
	if err != nil {
		return err
	}
	for i, line := range lines {
		c, err := encodeLine(line, qr.L)
		if err != nil {
			return err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s: code %d of %d\n\n", s.title(), i+1, len(lines))
		for y := -quiet; y < c.Size+quiet; y += 2 {
			for x := -quiet; x < c.Size+quiet; x++ {
				b.WriteString(halves[light(c, x, y)][light(c, x, y+1)])
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// halves are the characters for two modules, one below the other, by whether each is light.
var halves = map[bool]map[bool]string{true: {true: "█", false: "▀"}, false: {true: "▄", false: " "}}

// light reports whether a module is light; all around a code are.
func light(c *qr.Code, x, y int) bool {
	return y < c.Size+quiet && (x < 0 || y < 0 || x >= c.Size || y >= c.Size || !c.Black(x, y))
}

func (s *Signed) title() string {
	return fmt.Sprintf("receipt of %s, %s", artifact.Printable(s.Receipt.Name), s.Receipt.Created.UTC().Format("2006-01-02 15:04 UTC"))
}

// PNGs are the codes as pictures, in order.
func (s *Signed) PNGs() (all [][]byte, err error) {
	err = s.page(func(c *qr.Code) {
		c.Scale = 6
		all = append(all, c.PNG())
	})
	return all, err
}

func (s *Signed) page(take func(c *qr.Code)) error {
	lines, err := s.Lines(PageData)
	if err != nil {
		return err
	}
	for _, line := range lines {
		c, err := encodeLine(line, qr.M)
		if err != nil {
			return err
		}
		take(c)
	}
	return nil
}

// Page is an HTML page with all codes as SVG, to print: each is 12 cm wide and numbered.
func (s *Signed) Page() ([]byte, error) {
	var codes []*qr.Code
	if err := s.page(func(c *qr.Code) { codes = append(codes, c) }); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	title := html.EscapeString(s.title())
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%[1]s</title>
<style>body{font-family:sans-serif;background:#fff;color:#000}figure{display:inline-block;margin:5mm;break-inside:avoid}svg{width:12cm;height:12cm}code{word-break:break-all}</style></head>
<body>
<h1>%[1]s</h1>
<p>ID <code>%[2]s</code></p>
<p>Scan all codes, in any order, into one text file, a line each; minimirror inspect and export --have read it.</p>
`, title, s.ID)
	for i, c := range codes {
		fmt.Fprintf(&b, "<figure>%s<figcaption>%d of %d</figcaption></figure>\n", svg(c), i+1, len(codes))
	}
	b.WriteString("</body></html>\n")
	return b.Bytes(), nil
}

// svg draws a code: a path with a bar for each run of dark modules.
func svg(c *qr.Code) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><rect width="%[1]d" height="%[1]d" fill="#fff"/><path d="`, c.Size+2*quiet)
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}
