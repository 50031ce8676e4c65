package house

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// neutral are the folders that serve all kinds: all that have code, but internal/kinds.
var neutral = []string{"bootstrap", "builder", "charts", "cmd", "server", "internal", ":!internal/kinds"}

// kindWords are words of one kind, or that mean its items.
const kindWords = `debian|\bapt\b|\bdebs?\b|deb822|InRelease|\bdpkg\b|debconf|\bstanzas?\b|\bsuites?\b|\bpackages\b`

// allowedWords are lines of kind-neutral folders that have such words, and why. Each must still be there.
var allowedWords = []struct{ file, line, why string }{
	{"cmd/minimirror/bootstrap.go", "--debconf-selections", "the flag"},
	{"cmd/minimirror/bootstrap_flags.go", "debconf-selections", "a flag for answers that only one kind's installations ask for"},
	{"cmd/minimirror/bootstrap_flags.go", "configure-apt", "a flag of artifact.Configurer, which names the client that it sets up"},
	{"cmd/minimirror/rules.go", "requested packages or sets can no longer be installed", "only one kind is an artifact.BreakageFinder"},
	{"cmd/minimirror/serve_memory.go", "initialisation of Go packages", "Go's own word"},
	{"internal/sbom/spdx.go", `out.list("packages"`, "SPDX's own word"},
	{"internal/sbom/sbomtest/sbomtest.go", "document.Packages", "the same"},
	{"internal/openpgp/explain.go", "dpkg-deb -x", "a hint for who names the package of a keyring"},
	{"charts/minimirror/Chart.yaml", "keywords:", "what people search for"},
	{"charts/minimirror/templates/NOTES.txt", "", "how machines become clients; a chart cannot ask the kinds"},
	{"charts/minimirror/templates/tests/apt.yaml", "", "the pod that asks what apt asks"},
	{"charts/minimirror/values.schema.json", "apt", "what a denial without a key does to apt, and what the pod asks"},
	{"charts/minimirror/values.yaml", "apt", "the same"},
}

// TestNeutralFolders holds the kinds' words out of the folders that serve all kinds. Help texts of commands have them in explanations and
// examples, for the people who type them.
func TestNeutralFolders(t *testing.T) {
	args := append([]string{"grep", "-niE", kindWords, "--"}, neutral...)
	cmd := exec.Command("git", append(args, ":!*_test.go", ":!*.tgz")...)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("git grep: %v\n%s", err, out)
	}
	used := make([]bool, len(allowedWords))
	help := map[string][]span{}
next:
	for hit := range strings.Lines(string(out)) {
		parts := strings.SplitN(strings.TrimSpace(hit), ":", 3)
		if len(parts) != 3 {
			t.Fatalf("git grep: %q", hit)
		}
		file, line := parts[0], parts[2]
		for i, a := range allowedWords {
			if a.file == file && strings.Contains(line, a.line) {
				used[i] = true
				continue next
			}
		}
		if strings.HasPrefix(file, "cmd/") {
			if help[file] == nil {
				help[file] = helpTexts(t, file)
			}
			number, _ := strconv.Atoi(parts[1])
			for _, s := range help[file] {
				if s.first <= number && number <= s.last {
					continue next
				}
			}
		}
		t.Errorf("a kind's word in a folder that serves all kinds: %s", hit)
	}
	for i, a := range allowedWords {
		if !used[i] {
			t.Errorf("%s: no line with a kind's word has %q any more: remove the exception", a.file, a.line)
		}
	}
}

// A span is from one line to another.
type span struct{ first, last int }

// helpTexts are the lines of constants called …Help.
func helpTexts(t *testing.T, file string) (spans []span) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, filepath.Join("../..", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasSuffix(v.Names[0].Name, "Help") {
			spans = append(spans, span{files.Position(v.Pos()).Line, files.Position(v.End()).Line})
		}
		return true
	})
	return append(spans, span{})
}
