package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

const manHelp = `usage: minimirror man [VERB | --to DIR]

Prints the manual page of this program or of a verb, as man reads it; with --to it
writes all pages into a folder. They say what --help says.

Examples:
  minimirror man lock | man -l -
  minimirror man --to /usr/local/share/man/man1
`

func manVerb(_ context.Context, c *command, args []string) error {
	to := c.flags.String("to", "", "write all pages into this folder, which must exist")
	if err := c.parseMore(args, manHelp, 0); err != nil {
		return err
	}
	if err := c.atMost(1); err != nil {
		return err
	}
	name := c.flags.Arg(0)
	switch {
	case *to != "" && name != "":
		return c.wrongUsage("--to writes the pages of all verbs: name no verb")
	case *to != "":
		return writePages(*to)
	case name == "":
		_, err := io.WriteString(c.stdout, mainPage())
		return err
	}
	if _, known := allVerbs()[name]; !known {
		return artifact.Usagef("unknown command %q%s", name, suggest(name, verbNames()))
	}
	_, err := io.WriteString(c.stdout, verbPage(name))
	return err
}

// writePages writes all manual pages into a folder.
func writePages(dir string) error {
	pages := map[string]string{"minimirror.1": mainPage()}
	for _, name := range verbNames() {
		pages[fmt.Sprintf("minimirror-%s.1", name)] = verbPage(name)
	}
	for name, text := range pages {
		if err := atomicfile.Write(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A page is a manual page in the macros of man(7).
type page struct{ strings.Builder }

// newPage begins the page of a command.
func newPage(title, name, what string) *page {
	p := new(page)
	fmt.Fprintf(p, ".TH %s 1 \"\" \"miniMirror %s\" \"miniMirror\"\n", strings.ToUpper(title), roff(programVersion()))
	p.section("NAME")
	fmt.Fprintf(p, "%s \\- %s\n", roff(name), roff(what))
	return p
}

func (p *page) section(title string) { fmt.Fprintf(p, ".SH %s\n", title) }

// roff is text that troff prints as it is.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

// item is a term with its explanation.
func (p *page) item(term, text string) { fmt.Fprintf(p, ".TP\n%s\n%s\n", term, roff(text)) }

// text prints plain text as help writes it: paragraphs, and indented lines that stay as they are.
func (p *page) text(text string) {
	example, paragraph := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if indented != example {
			p.WriteString(map[bool]string{true: ".RS 4\n.EX\n", false: ".EE\n.RE\n"}[indented])
			example = indented
			paragraph = paragraph || !indented
		}
		switch {
		case indented:
			p.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
		case line == "":
			paragraph = true
		default:
			if paragraph {
				p.WriteString(".PP\n")
			}
			paragraph = false
			p.WriteString(roff(line) + "\n")
		}
	}
	if example {
		p.WriteString(".EE\n.RE\n")
	}
}

// synopsis prints the lines after "usage:".
func (p *page) synopsis(usage string) {
	p.section("SYNOPSIS")
	p.WriteString(".nf\n")
	for line := range strings.Lines(strings.TrimPrefix(usage, "usage: ")) {
		line = strings.TrimRight(line, "\n")
		if name, found := strings.CutPrefix(line, "minimirror "); found {
			verb, rest, _ := strings.Cut(name, " ")
			fmt.Fprintf(p, "\\fBminimirror %s\\fR %s\n", roff(verb), roff(rest))
		} else {
			p.WriteString(roff(strings.TrimPrefix(line, "       ")) + "\n") // "usage: "
		}
	}
	p.WriteString(".fi\n")
}

// options prints what --help says of the flags.
func (p *page) options(flags *pflag.FlagSet) {
	p.section("OPTIONS")
	for line := range strings.Lines(flags.FlagUsages() + "      --help   explain the verb\n") {
		term, text, _ := strings.Cut(strings.TrimSpace(line), "  ")
		flag, value, _ := strings.Cut(term, " ")
		term = "\\fB" + roff(flag) + "\\fR"
		if value != "" {
			term += " \\fI" + roff(value) + "\\fR"
		}
		p.item(term, strings.TrimSpace(text))
	}
}

// exitStatus prints the last paragraph of "minimirror --help".
func (p *page) exitStatus() {
	_, codes, _ := strings.Cut(usage, "Exit codes: ")
	p.section("EXIT STATUS")
	for code := range strings.SplitSeq(strings.Join(strings.Fields(codes), " "), ", ") {
		number, text, _ := strings.Cut(code, " ")
		p.item(number, strings.TrimSuffix(text, "."))
	}
}

func (p *page) seeAlso(except string) {
	p.section("SEE ALSO")
	var all []string
	for _, name := range append([]string{""}, verbNames()...) {
		if name != except {
			all = append(all, "\\fB"+roff(pageName(name))+"\\fR(1)")
		}
	}
	p.WriteString(strings.Join(all, ",\n") + "\n")
}

// pageName is the page of a verb, or of the program.
func pageName(verb string) string {
	if verb == "" {
		return "minimirror"
	}
	return "minimirror-" + verb
}

// verbPage is the manual page of a verb: its help and its flags.
func verbPage(name string) string {
	help, flags := describe(name)
	help, _, _ = strings.Cut(help, "\nFlags:\n")
	synopsis, text, _ := strings.Cut(help, "\n\n")
	p := newPage(pageName(name), pageName(name), summaryOf(name))
	p.synopsis(synopsis)
	text, examples, plural := strings.Cut(text, "\nExamples:\n")
	if !plural {
		text, examples, _ = strings.Cut(text, "\nExample:\n")
	}
	p.section("DESCRIPTION")
	p.text(text)
	p.options(flags)
	p.exitStatus()
	p.section("EXAMPLES")
	p.text(examples)
	p.seeAlso(name)
	return p.String()
}

// mainPage is the manual page of the program.
func mainPage() string {
	what, rest, _ := strings.Cut(usage, "\n\n")
	synopsis, rest, _ := strings.Cut(rest, "\n\n")
	verbs, _, _ := strings.Cut(rest, "\n\n")
	p := newPage("minimirror", "minimirror", "carry what a site without internet needs in one container image")
	p.synopsis(synopsis)
	p.section("DESCRIPTION")
	p.text(what)
	p.section("COMMANDS")
	for line := range strings.Lines(verbs) {
		words := strings.Fields(line)
		p.item("\\fB"+roff(pageName(words[0]))+"\\fR(1)", strings.Join(words[1:], " "))
	}
	p.exitStatus()
	p.section("FILES")
	p.item("\\fImirror.yaml\\fR", "the definition: what to carry and from where")
	p.item("\\fImirror.lock\\fR, \\fImirror.proofs\\fR", "what minimirror lock pinned, and what upstream signed")
	p.item("\\fImirror.layers\\fR", "which layer of the last image has which file; the next build keeps these layers")
	p.item("\\fI$XDG_CACHE_HOME/minimirror\\fR (\\fI\\(ti/.cache/minimirror\\fR)", "what was fetched, by SHA-256; safe to remove")
	p.item("\\fI$XDG_CONFIG_HOME/minimirror/signing\\-key.asc\\fR (\\fI\\(ti/.config/…\\fR)", "the key that signs images where --sign-key names no other; keep a copy")
	p.section("ENVIRONMENT")
	p.item("\\fBhttp_proxy\\fR, \\fBhttps_proxy\\fR, \\fBno_proxy\\fR", "proxies, for lock and build")
	p.item("\\fBBUILDKIT_HOST\\fR", "address of a BuildKit daemon, for build; otherwise the BuildKit in this program is used")
	p.seeAlso("")
	return p.String()
}
