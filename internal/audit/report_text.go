package audit

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// Text writes the report for people, in UTC. Whatever clients sent, it has only printable characters and its own lines.
func (r *Report) Text(w io.Writer) error {
	t := &texter{Writer: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if r.Requests == 0 {
		t.line("no requests")
	} else {
		t.line("%d requests from %s to %s UTC, %s sent", r.Requests, stamp(r.From), stamp(r.To), bytesize.MB(r.Bytes))
	}
	t.line("\nVERDICT\tREQUESTS\tBYTES")
	for _, v := range r.Verdicts {
		t.line("%s\t%d\t%s", v.Verdict, v.Requests, bytesize.MB(v.Bytes))
	}
	if len(r.Kinds) > 0 {
		t.line("\nKIND\tREQUESTS\tBYTES")
	}
	for _, k := range r.Kinds {
		t.line("%s\t%d\t%s", show(k.Kind), k.Requests, bytesize.MB(k.Bytes))
	}
	missing(t, &r.Missing)
	denied(t, &r.Denied)
	clients(t, &r.Clients)
	channels(t, r.Channels)
	fetched(t, &r.Fetched)
	never(t, r.Never)
	if t.err != nil {
		return t.err
	}
	return t.Flush()
}

// A texter keeps the first error.
type texter struct {
	*tabwriter.Writer
	err error
}

func (t *texter) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.Writer, format+"\n", args...)
	}
}

// section begins a table of so many rows below a title.
func (t *texter) section(columns string, rows int, title string, args ...any) {
	t.line("")
	t.line(title, args...)
	if rows > 0 {
		t.line("%s", columns)
	}
}

// rest tells what a table has left out.
func (t *texter) rest(shown, total int, unlisted int64) {
	if shown < total {
		t.line("… and %d more", total-shown)
	}
	if unlisted > 0 {
		t.line("… and others, of which nothing was kept: %d requests", unlisted)
	}
}

func missing(t *texter, list *Table[Missed]) {
	t.section("CLIENTS\tREQUESTS\tLAST\tWHAT\tBY", len(list.Rows), "Missing, for the next build: %d", list.Total)
	for _, m := range list.Rows {
		what := m.or(m.Path)
		if m.LookedUp {
			what += " (looked up)"
		}
		t.line("%s\t%d\t%s\t%s\t%s", m.number(), m.Requests, stamp(m.Last), what, m.some())
	}
	t.rest(len(list.Rows), list.Total, list.Unlisted)
}

func denied(t *texter, list *Table[Denial]) {
	t.section("REQUESTS\tCLIENTS\tLAST\tWHAT\tRULE\tREASON\tBY", len(list.Rows), "Denied: %d", list.Total)
	for _, d := range list.Rows {
		t.line("%d\t%s\t%s\t%s\t%s\t%s\t%s", d.Requests, d.number(), stamp(d.Last), d.or(d.Artifact), show(d.Rule), show(d.Reason), d.some())
	}
	t.rest(len(list.Rows), list.Total, list.Unlisted)
}

func clients(t *texter, list *Table[Client]) {
	t.section("REQUESTS\tFETCHED\tDENIED\tMISSING\tBYTES\tLAST\tCLIENT", len(list.Rows), "Clients: %d", list.Total)
	for _, c := range list.Rows {
		t.line("%d\t%d\t%d\t%d\t%s\t%s\t%s", c.Requests, c.Allowed, c.Denied, c.Missing, bytesize.MB(c.Bytes), stamp(c.Last), c.name())
	}
	t.rest(len(list.Rows), list.Total, list.Unlisted)
}

func channels(t *texter, list *Channels) {
	if list == nil || len(list.Rows) == 0 {
		return
	}
	t.section("READING\tLACKING\tCHANNEL", len(list.Rows), "Channels of the image: %d", len(list.Rows))
	for _, c := range list.Rows {
		t.line("%d\t%d\t%s", c.Reading, c.Lacking, show(c.Source+"/"+c.Name))
	}
	t.section("LAST\tCLIENT\tLACKS\tREADS", len(list.Clients.Rows), "Clients that read some of these channels and not others: %d", list.Clients.Total)
	for _, c := range list.Clients.Rows {
		named := Client{Address: c.Address, Users: c.Users}
		t.line("%s\t%s\t%s\t%s", stamp(c.Last), named.name(), shown(c.Lacks), shown(c.Reads))
	}
	t.rest(len(list.Clients.Rows), list.Clients.Total, list.Clients.Unlisted)
}

// shown joins names.
func shown(names []string) string {
	names = slices.Clone(names)
	for i := range names {
		names[i] = show(names[i])
	}
	return strings.Join(names, " ")
}

func fetched(t *texter, list *Table[Fetched]) {
	t.section("REQUESTS\tWHOLE\tCLIENTS\tFIRST\tLAST\tBYTES\tWHAT\tBY", len(list.Rows), "Fetched: %d", list.Total)
	for _, f := range list.Rows {
		t.line("%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s", f.Requests, f.Whole, f.number(), stamp(f.First), stamp(f.Last), bytesize.MB(f.Bytes), f.or(f.Artifact), f.some())
	}
	t.rest(len(list.Rows), list.Total, list.Unlisted)
}

func never(t *texter, list *Never) {
	if list == nil {
		return
	}
	t.section("BYTES\tWHAT", len(list.Rows), "Carried and never fetched: %d, %s", list.Total, bytesize.MB(list.Bytes))
	for _, n := range list.Rows {
		t.line("%s\t%s", bytesize.MB(n.Size), n.or(n.Artifact))
	}
	t.rest(len(list.Rows), list.Total, 0)
	if list.Uncertain {
		t.line("Some of these may have been fetched: there was no memory for all that was.")
	}
}

// or is "bash 5.2.15-2 amd64", as far as it is known, or else the path.
func (n Named) or(path string) string {
	if n.Name == "" {
		return show(path)
	}
	known := show(n.Name)
	for _, text := range []string{n.Version, n.Architecture} {
		if text != "" {
			known += " " + show(text)
		}
	}
	return known
}

func (c *Count) number() string {
	if c.AtLeast {
		return strconv.Itoa(c.Clients) + "+"
	}
	return strconv.Itoa(c.Clients)
}

// shownAddresses is how many clients the text names in a row.
const shownAddresses = 3

func (c *Count) some() string {
	var names []string
	for _, a := range c.Addresses[:min(shownAddresses, len(c.Addresses))] {
		names = append(names, address(a))
	}
	if more := c.Clients - len(names); more > 0 || c.AtLeast {
		names = append(names, "…")
	}
	return strings.Join(names, " ")
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}

func (c *Client) name() string {
	if len(c.Users) == 0 {
		return address(c.Address)
	}
	users := slices.Clone(c.Users)
	for i := range users {
		users[i] = show(users[i])
	}
	return address(c.Address) + " " + strings.Join(users, " ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// show is the text, quoted where a terminal or a reader could take it for something else.
func show(text string) string {
	for _, r := range text {
		if !printable(r) || r == '\uFFFD' || r == '"' {
			return artifact.Printable(strconv.Quote(text))
		}
	}
	if text == "" {
		return "-"
	}
	return text
}
