package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bytesize"
)

//go:embed page.html
var pageHTML string

// Rows that fit on one page of A4 with everything else, and characters of a row.
const (
	mostParts    = 12
	mostImages   = 6
	mostProblems = 5
	mostText     = 200
)

// A page is what the page and the text have in common.
type page struct {
	Title, Verdict, Means string
	Passed                bool
	Problems              []string
	Facts                 []fact
	Images                []fact
	Parts                 []row
	More                  string // what the page leaves out
	File, Sum             string // the JSON, and its SHA-256
}

// A fact is a name and a value. Short begins Value, and is what a person compares.
type fact struct{ Name, Short, Rest string }

// A row is a part, or several that are alike.
type row struct {
	Number, Name, Size, Short, Rest, Status string
	Bad                                     bool
}

// short is how many characters of a digest a person compares.
const short = 12

// shortened divides a digest for people.
func shortened(name, text string) fact {
	at := strings.IndexByte(text, ':') + 1
	n := min(at+short, len(text))
	return fact{name, text[:n], text[n:]}
}

// layout makes the page; file is the name of the JSON, which has the SHA-256 sum.
func (r *Report) layout(file, sum string) page {
	p := page{Title: "Report of an " + r.Action, Verdict: strings.ToUpper(r.Verdict), Passed: r.Verdict == Passed, File: file, Sum: sum}
	if r.Action == "verify" {
		p.Title = "Report of a verification"
	}
	p.Problems, p.Means = r.Problems, r.means()
	if n := len(p.Problems); n > mostProblems {
		p.Problems = append(append([]string{}, p.Problems[:mostProblems-1]...), fmt.Sprintf("and %d more lines: see %s", n-mostProblems+1, file))
	}
	for i, text := range p.Problems {
		if letters := []rune(strings.TrimSpace(text)); len(letters) > mostText {
			p.Problems = slices.Clone(p.Problems)
			p.Problems[i] = string(letters[:mostText]) + "…"
		}
	}
	add := func(name, format string, args ...any) {
		p.Facts = append(p.Facts, fact{Name: name, Rest: fmt.Sprintf(format, args...)})
	}
	add("Read from", "%s", strings.Join(r.Sources, ", "))
	if len(r.Destinations) > 0 {
		add("Imported to", "%s", strings.Join(r.Destinations, ", "))
	}
	if b := r.Bundle; b != nil {
		add("Bundle", "%s, sequence %d, created %s by the clock of the machine that exported it", b.Name, b.Sequence, b.Created)
		p.Facts = append(p.Facts, shortened("Bundle ID", b.ID))
		text := r.Key.ID
		if r.Key.File != "" {
			text += " in " + r.Key.File
		}
		if r.Key.Signed != "" {
			text += ", signed " + r.Key.Signed
		}
		add("Signed by", "%s", text)
		if b.Encryption != "" {
			add("Encrypted", "%s, for %s", b.Encryption, counted(int64(len(b.Recipients)), "recipient"))
		}
		carried := fmt.Sprintf("%d, %s", r.Blobs.Carried, bytesize.Text(r.Blobs.Size))
		if r.Blobs.Base > 0 {
			carried += fmt.Sprintf("; %d more, %s, had to be at the destination", r.Blobs.Base, bytesize.Text(r.Blobs.BaseSize))
		}
		add("Blobs", "%s", carried)
	}
	if text := r.restored(); text != "" {
		add("Restored", "%s", text)
	}
	add("Checked", "%s to %s, by the clock of this machine, %s%s", r.Clock.Started, r.Clock.Finished, r.Clock.Of, r.Clock.kept())
	add("Program", "%s %s, %s", r.Program.Name, r.Program.Version, r.Program.Platform)
	p.Facts = append(p.Facts, shortened("its SHA-256", r.Program.SHA256))
	for i, im := range r.Images {
		if i == mostImages-1 && len(r.Images) > mostImages {
			p.Images = append(p.Images, fact{Name: fmt.Sprintf("and %d more", len(r.Images)-i), Rest: "see " + file})
			break
		}
		name := im.Name
		if name == "" && im.Subject != "" {
			name = "attached to " + shortened("", im.Subject).Short
		}
		p.Images = append(p.Images, shortened(name, im.Digest))
	}
	p.Parts = r.rows(file)
	return p
}

// restored says what was damaged or lost, and is as it was signed again; empty: nothing.
func (r *Report) restored() string {
	parts, blocks := 0, int64(0)
	for _, p := range r.Parts {
		if p.Status == bundle.Repaired {
			parts++
			blocks += p.Restored
		}
	}
	var all []string
	if parts > 0 {
		all = append(all, fmt.Sprintf("%d of %s damaged or missing, and restored from parity: %s of 4 KiB", parts, counted(int64(len(r.Parts)), "part"), counted(blocks, "block")))
	}
	if r.Stream > 0 {
		all = append(all, bytesize.Text(r.Stream)+" that the stream had lost, from its parity")
	}
	return strings.Join(all, "; ")
}

// kept says whether a time service keeps the clock.
func (c Clock) kept() string {
	switch {
	case c.Synchronized == nil:
		return ""
	case *c.Synchronized:
		return " (synchronized with a time service)"
	}
	return " (not synchronized with a time service)"
}

// means says what the verdict is about.
func (r *Report) means() string {
	switch {
	case r.Bundle == nil:
		return "No header with a valid signature: nothing in the bundle was trusted, and nothing was imported."
	case r.Verdict == Passed && r.Depth == Carried:
		return "The signature is valid, and every part is, byte for byte as carried, what was signed. The content is encrypted, and was not looked at."
	case r.Verdict == Passed && r.Action == "verify":
		return "The signature is valid; every part is what was signed; every blob has its digest. Nothing was imported."
	case r.Verdict == Passed:
		return "The signature is valid; every part that was read is what was signed; every blob at the destination has its digest."
	case r.Verdict == Incomplete:
		return "The signature is valid, and what was read is what was signed, but parts are missing. No image is visible at the destination."
	}
	return "Not everything is what was signed, or it could not be checked. No image is visible at the destination."
}

// rows are the parts, in no more rows than fit: consecutive parts of the same status share one if there are too many.
func (r *Report) rows(file string) (rows []row) {
	for i := 0; i < len(r.Parts); {
		end := i + 1
		if len(r.Parts) > mostParts {
			for end < len(r.Parts) && r.Parts[end].Status == r.Parts[i].Status && r.Parts[i].Status != bundle.Bad {
				end++
			}
		}
		rows = append(rows, rowOf(r.Parts[i:end]))
		i = end
	}
	if len(rows) > mostParts {
		more := 0
		for _, other := range rows[mostParts-1:] {
			if other.Bad {
				more++
			}
		}
		last := row{Name: fmt.Sprintf("and %d more rows: see %s", len(rows)-mostParts+1, file), Status: fmt.Sprintf("%d not verified", more), Bad: more > 0}
		rows = append(rows[:mostParts-1], last)
	}
	return rows
}

// rowOf is the row of one part, or of several: their digest is that of their lines in SHA256SUMS.
func rowOf(parts []Part) row {
	first, last := &parts[0], &parts[len(parts)-1]
	w := row{Number: fmt.Sprint(first.Number), Name: first.Name, Status: first.Status, Bad: first.Status == bundle.Bad || first.Status == bundle.Missing}
	size, sums, restored := int64(0), sha256.New(), int64(0)
	for _, p := range parts {
		size += p.Size
		restored += p.Restored
		fmt.Fprintf(sums, "%s  %s\n", p.Stated, p.Name)
	}
	sum := first.Stated
	if len(parts) > 1 {
		w.Number, w.Name, sum = fmt.Sprintf("%d–%d", first.Number, last.Number), first.Name+" – "+last.Name, hex.EncodeToString(sums.Sum(nil))
	}
	if restored > 0 {
		w.Status += ", " + counted(restored, "block")
	}
	if size > 0 {
		w.Size = bytesize.MB(size)
	}
	if sum != "" {
		w.Short, w.Rest = sum[:short], sum[short:]
	}
	return w
}

// HTML is one page to print on A4 and to sign. file is the name of the report as JSON, data its bytes.
func (r *Report) HTML(file string, data []byte) ([]byte, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r.layout(file, sumOf(data)))
	return b.Bytes(), err
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Text is the page as text of 100 columns.
func (r *Report) Text(file string, data []byte) []byte {
	p := r.layout(file, sumOf(data))
	var b bytes.Buffer
	fmt.Fprintf(&b, "miniMirror: %s\n\n%s\n%s\n", p.Title, p.Verdict, p.Means)
	for _, problem := range p.Problems {
		fmt.Fprintf(&b, "  %s\n", problem)
	}
	facts := func(all []fact) {
		for _, f := range all {
			fmt.Fprintf(&b, "%-13s %s\n", f.Name, f.Short+f.Rest)
		}
	}
	b.WriteByte('\n')
	facts(p.Facts)
	if len(p.Images) > 0 {
		b.WriteString("\nImages\n")
		for _, f := range p.Images {
			fmt.Fprintf(&b, "  %s\n    %s\n", f.Name, f.Short+f.Rest)
		}
	}
	if len(p.Parts) > 0 {
		b.WriteString("\nParts, with the SHA-256 of each as carried (of several: of their lines in SHA256SUMS)\n")
		for _, w := range p.Parts {
			fmt.Fprintf(&b, "  %-12s %s\n    %-12s %s\n", w.Status, strings.TrimSpace(w.Name+"  "+w.Size), "", strings.TrimSpace(w.Short+w.Rest))
		}
	}
	fmt.Fprintf(&b, "\nThis report for programs: %s\n  SHA-256 %s\n\nName       _________________________________  Date  ____________________\n\nSignature  _________________________________\n", p.File, p.Sum)
	return b.Bytes()
}

func counted(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
