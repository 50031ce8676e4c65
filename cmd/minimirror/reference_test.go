package main

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference.md")

const referenceFile = "../../docs/reference.md"

// docs/reference.md is what the verbs say of themselves.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Reference\n\nWhat `minimirror VERB --help` says; made by `go test ./cmd/minimirror -update`.\n\n```\n" + usage + "```\n")
	for _, name := range verbNames() {
		help, _ := describe(name)
		b.WriteString("\n## " + name + "\n\n```\n" + strings.TrimSpace(help) + "\n```\n")
		for _, want := range []string{"usage: minimirror " + name, "Example", "Flags:"} {
			if !strings.Contains(help, want) {
				t.Errorf("%s --help: no %q", name, want)
			}
		}
		if !strings.Contains(usage, "\n  "+name+" ") {
			t.Errorf("minimirror --help does not name %s", name)
		}
	}
	if *update {
		if err := os.WriteFile(referenceFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/reference.md is not what the verbs say; type: go test ./cmd/minimirror -update")
	}
}

func TestCompletion(t *testing.T) {
	script := bashCompletion() + `
try() { COMP_WORDS=(minimirror "$@"); COMP_CWORD=$(($# )); COMPREPLY=(); _minimirror; echo "${COMPREPLY[*]}"; }
try ser
try serve --sign
try serve /et
`
	out, err := exec.Command("bash", "-euc", script).CombinedOutput()
	if err != nil || string(out) != "serve\n--sign-key\n/etc\n" {
		t.Errorf("%v: %s", err, out)
	}
	if fish := fishCompletion(); !strings.Contains(fish, "__fish_seen_subcommand_from serve' -l sign-key -r -d 'file with") || !strings.Contains(fish, "-a lock -d 'pin what") {
		t.Error(fish)
	}
	if !strings.Contains(zshCompletion(), "serve) local flags=(--debug --image") {
		t.Error(zshCompletion())
	}
}
