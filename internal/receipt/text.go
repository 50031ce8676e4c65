package receipt

import (
	"fmt"
	"io"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// Shown is what inspect prints of a receipt as JSON.
type Shown struct {
	ID       string   `json:"id"`
	Signed   string   `json:"signed"` // "minisign" or "openpgp"
	By       string   `json:"by"`     // who signed it; empty: the signature was not verified
	Receipt  *Receipt `json:"receipt"`
	Digests  []string `json:"digests"` // of all blobs that are listed, sorted
	Complete int      `json:"complete"`
}

// Show is the receipt for inspect.
func (s *Signed) Show() *Shown {
	show := &Shown{ID: s.ID, Signed: s.form(), By: s.By, Receipt: s.Receipt, Digests: []string{}}
	for _, d := range s.Receipt.Blobs.All() {
		show.Digests = append(show.Digests, d.String())
	}
	for _, im := range s.Receipt.Images {
		if im.Complete {
			show.Complete++
		}
	}
	return show
}

func (s *Signed) form() string {
	if strings.HasPrefix(string(s.Signature), string(openpgpStart)) {
		return "openpgp"
	}
	return "minisign"
}

// Text writes the receipt for people; rows is how many of each list are shown, 0: all.
func (s *Signed) Text(w io.Writer, rows int) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(oneLine(fmt.Sprintf(format, args...)))
		b.WriteByte('\n')
	}
	r := s.Receipt
	line("receipt of %s, made %s", r.Name, moment(r.Created))
	line("id %s", s.ID)
	if s.By != "" {
		line("signed by %s", s.By)
	} else {
		line("signed (%s); the signature was not verified", s.form())
	}
	if len(r.Imported) == 0 {
		line("imported: no record of a bundle")
	}
	for _, i := range r.Imported {
		line("imported: %s, sequence %d, bundle %s", i.Name, i.Sequence, i.ID)
	}
	line("has: %s, %s", plural(r.Blobs.Len(), "blob"), size(r.Blobs.Bytes()))
	for _, im := range r.Images {
		line("  %s", im.text())
		for _, d := range im.Lacks {
			line("    lacks %s", d)
		}
	}
	if len(r.Damaged) > 0 {
		line("damaged, and not counted as there: %d", len(r.Damaged))
	}
	for _, d := range r.Damaged {
		line("  %s: %s", d.Digest, d.Why)
	}
	s.askedText(line, rows)
	s.nodesText(line, rows)
	if r.Rules && len(r.Denied) == 0 {
		line("denied by the rules: nothing")
	}
	for _, d := range r.Denied {
		reason := ""
		if d.Reason != "" {
			reason = ": " + d.Reason
		}
		line("denied by %s (%s)%s: %s: %s", d.Rule, d.Match, reason, plural(d.Total, "item"), first(d.Names, rows))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (im *Image) text() string {
	state := "complete"
	switch {
	case len(im.Lacks) > 0:
		state = fmt.Sprintf("incomplete: %d missing", len(im.Lacks))
	case im.LeftOut > 0:
		state = fmt.Sprintf("complete but for %d that are left out", im.LeftOut)
	}
	if im.Implied {
		state += ", blobs not listed"
	}
	if im.Unread {
		state += ", not read"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s: %s, %s, %s", im.Name, im.Digest, plural(im.Blobs, "blob"), size(im.Bytes), state))
}

func (s *Signed) askedText(line func(string, ...any), rows int) {
	asked := s.Receipt.Asked
	if asked == nil {
		return
	}
	line("asked for and not carried%s: %d", period(asked), asked.Total)
	for i, a := range asked.Items {
		if rows > 0 && i == rows {
			line("  and %d more", asked.Total-rows)
			return
		}
		name := a.Asked.String()
		if a.LookedUp {
			name += " (looked up)"
		}
		line("  %s %s: %s", a.Kind, name, counts(a.Requests, a.Clients))
	}
	if more := asked.Total - len(asked.Items); more > 0 {
		line("  and %d more, which the receipt only counts", more)
	}
}

func (s *Signed) nodesText(line func(string, ...any), rows int) {
	nodes := s.Receipt.Nodes
	if nodes == nil {
		return
	}
	line("installed on %s: %s", plural(nodes.Count, "node"), plural(len(nodes.Items), "item"))
	for i, n := range nodes.Items {
		if rows > 0 && i == rows {
			line("  and %d more", len(nodes.Items)-rows)
			return
		}
		line("  %s %s: %s", n.Kind, artifact.Title(n.Name, n.Version, n.Architecture), plural(n.Nodes, "node"))
	}
}

// oneLine makes text safe to read on a line of its own, as artifact.Printable does, and escapes ends of lines and tabs, too: what clients asked for is
// anybody's text, and must not become a line of YAML, or one of a listing.
func oneLine(text string) string {
	return strings.NewReplacer("\n", `\u000a`, "\t", `\u0009`).Replace(artifact.Printable(text))
}

func size(n int64) string { return bytesize.MB(n) }

func first(names []string, rows int) string {
	if rows > 0 && len(names) > rows {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:rows], ", "), len(names)-rows)
	}
	return strings.Join(names, ", ")
}

// period is the time of an audit trail; empty: it has no requests.
func period(a *Asked) string {
	if a.From.IsZero() {
		return ""
	}
	return ", " + moment(a.From) + " to " + moment(a.To)
}
