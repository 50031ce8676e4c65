package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// render is the page as man prints it, with single spaces; man must have no complaint.
func render(t *testing.T, page string) string {
	t.Helper()
	cmd := exec.Command("man", "--warnings", "--no-hyphenation", "--no-justification", "-E", "UTF-8", "-l", "-")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=120", "MAN_KEEP_FORMATTING=", "MANPAGER=cat")
	cmd.Stdin = strings.NewReader(page)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("man (install it with: sudo apt-get install man-db): %v\n%s", err, stderr.Bytes())
	}
	return words(string(out))
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// Manual pages say what --help says.
func TestMan(t *testing.T) {
	dir := t.TempDir()
	if code := run(t.Context(), []string{"man", "--to", dir}, io.Discard, os.Stderr); code != 0 {
		t.Fatal(code)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(pages) != len(verbNames())+1 {
		t.Errorf("%d pages for %d verbs: %v", len(pages), len(verbNames()), err)
	}
	for _, verb := range verbNames() {
		page, err := os.ReadFile(filepath.Join(dir, pageName(verb)+".1"))
		if err != nil {
			t.Fatal(err)
		}
		text := render(t, string(page))
		help, flags := describe(verb)
		body, _, _ := strings.Cut(help, "\nFlags:\n")
		_, body, _ = strings.Cut(body, "\n\n")
		for paragraph := range strings.SplitSeq(body, "\n\n") {
			if _, examples, found := strings.Cut(paragraph, "Example"); found {
				_, paragraph, _ = strings.Cut(examples, "\n")
			}
			if !strings.Contains(text, words(paragraph)) {
				t.Errorf("the page of %s lacks:\n%s\n%s", verb, paragraph, text)
			}
		}
		visitShown(flags, func(f *pflag.Flag) {
			if _, usage := pflag.UnquoteUsage(f); !strings.Contains(text, "--"+f.Name+" ") || !strings.Contains(text, words(usage)) {
				t.Errorf("the page of %s lacks --%s: %s", verb, f.Name, usage)
			}
		})
		if !strings.Contains(text, pageName(verb)+" - "+summaryOf(verb)) || !strings.Contains(text, "3 the lock is out of date") {
			t.Errorf("the page of %s does not say what it is, or what exit code 3 means:\n%s", verb, text)
		}
	}
	text := render(t, mainPage())
	for _, want := range []string{"minimirror VERB [FLAGS] [ARGUMENTS]", "minimirror-lock(1) " + summaryOf("lock"), "130 interrupted", "~/.cache/minimirror"} {
		if !strings.Contains(text, want) {
			t.Errorf("minimirror(1) lacks %q:\n%s", want, text)
		}
	}
}

// What troff reads as its own is printed as it is.
func TestRoff(t *testing.T) {
	p := newPage("x", "x", "y")
	p.section("DESCRIPTION")
	p.text(".TH is a line\n'so is this\nC:\\n \\fB and -- ^ ~ ` '\n\n  .indented  two\n  'three\n\nlast\n")
	if got := render(t, p.String()); !strings.Contains(got, `.TH is a line 'so is this C:\n \fB and -- ^ ~ `+"` ' .indented two 'three last") {
		t.Errorf("%s\n%s", got, p)
	}
}
