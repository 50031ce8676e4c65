// Package house holds the arrows between the folders: who may import whom.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/minimirror/minimirror/"

type pkg struct {
	ImportPath string
	Name       string
	Doc        string // the first sentence of the package's comment
	GoFiles    []string
	// IgnoredGoFiles are excluded here by system or build tags, tests among them.
	IgnoredGoFiles []string
	Standard       bool
	Imports        []string
	Deps           []string
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Doc,GoFiles,IgnoredGoFiles,Standard,Imports,Deps", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	all := make(map[string]pkg)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// within reports whether the path is the folder of the module or below it.
func within(path, folder string) bool {
	return path == module+folder || strings.HasPrefix(path, module+folder+"/")
}

// suite is what every kind's tests run, through the program's own packages. It is a test that the go command does not know as one:
// no package imports it, and so nothing of it gets into a program. TestArrows does not see what _test.go files import.
const suite = "internal/kinds/kindtest"

// validator checks the schemas of definitions, with a module that only tests need.
const validator = "internal/jsonschema/jsonschematest"

// billValidator checks SBOMs against schemas that are part of a module that only tests need.
const billValidator = "internal/sbom/sbomtest"

// The shelf has the packages that kinds may use beside the vocabulary. Of this program, they import the vocabulary alone,
// and each other.
var shelf = []string{"internal/atomicfile", "internal/bytesize", "internal/glob", "internal/image/attached", "internal/image/signature", "internal/jsonschema", "internal/openpgp", "internal/paging",
	"internal/parallel", "internal/strictyaml"}

func onShelf(path string) bool {
	return slices.ContainsFunc(shelf, func(folder string) bool { return within(path, folder) })
}

func TestArrows(t *testing.T) {
	all := list(t)
	for path, p := range all {
		if !strings.HasPrefix(path, module) {
			continue
		}
		for _, dep := range p.Imports {
			switch {
			case within(dep, suite), (within(dep, validator) || within(dep, billValidator)) && !within(path, suite):
				t.Errorf("%s imports %s: only tests may", path, dep)
			case within(path, "internal/artifact") && !all[dep].Standard:
				t.Errorf("%s imports %s: the vocabulary imports only the standard library", path, dep)
			case strings.HasPrefix(dep, "github.com/moby/buildkit") && !within(path, "builder/buildkit"):
				t.Errorf("%s imports %s: only builder/buildkit may", path, dep)
			case strings.HasPrefix(dep, "github.com/labstack/echo") && path != module+"server":
				t.Errorf("%s imports %s: only server may", path, dep)
			case onShelf(path) && strings.HasPrefix(dep, module) && !within(dep, "internal/artifact") && !onShelf(dep):
				t.Errorf("%s imports %s: of this program, it may import only the vocabulary and %s", path, dep, shelf)
			case within(path, "cmd") || strings.HasSuffix(path, "_test"):
			case within(dep, "cmd"):
				t.Errorf("%s imports %s", path, dep)
			case within(dep, "internal/kinds") && !within(path, "internal/kinds"):
				t.Errorf("%s imports %s: only cmd joins kinds with the rest", path, dep)
			}
		}
		// A kind knows the vocabulary, the shelf, and its format's libraries.
		for _, kinds := range []string{"internal/kinds/", "test/kinds/"} {
			rest, ok := strings.CutPrefix(path, module+kinds)
			if !ok || within(path, suite) {
				continue
			}
			kind, _, _ := strings.Cut(rest, "/")
			for _, dep := range p.Deps {
				if strings.HasPrefix(dep, module) && !within(dep, "internal/artifact") && !onShelf(dep) && !within(dep, kinds+kind) {
					t.Errorf("%s depends on %s: a kind imports internal/artifact, its own folder and %s", path, dep, shelf)
				}
			}
		}
		for _, verbs := range []string{"builder", "server", "bootstrap"} {
			for _, other := range []string{"builder", "server", "bootstrap"} {
				if verbs != other && within(path, verbs) && slices.ContainsFunc(p.Deps, func(d string) bool { return within(d, other) }) {
					t.Errorf("%s depends on %s: builder, server and bootstrap never import each other", path, other)
				}
			}
		}
	}
}

// TestPackageComments wants a comment on every package, to begin reading with.
func TestPackageComments(t *testing.T) {
	for path, p := range list(t) {
		if strings.HasPrefix(path, module) && len(p.GoFiles) > 0 && (p.Doc == "" || p.Name != "main" && !strings.HasPrefix(p.Doc, "Package "+p.Name+" ")) {
			t.Errorf("%s: no comment says what the package is for: %q", path, p.Doc)
		}
	}
}

// maxFiles is how many Go files beside tests a folder may have: a reader should be able to know them all.
const maxFiles = 40

func TestFoldersAreSmall(t *testing.T) {
	all := list(t)
	if n := len(all[module+"internal/image"].GoFiles); n == 0 {
		t.Fatal("internal/image has no files: the list is not of this module")
	}
	for path, p := range all {
		others := slices.DeleteFunc(p.IgnoredGoFiles, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
		if n := len(p.GoFiles) + len(others); strings.HasPrefix(path, module) && n > maxFiles {
			t.Errorf("%s has %d Go files beside tests, more than %d: divide it into packages", path, n, maxFiles)
		}
	}
}

// withoutItems are kinds whose sources have no items, with which the suite could do nothing. They must say so themselves.
var withoutItems = []string{"advisories"}

// TestEveryKindRunsTheSuite holds that a kind comes with the suite's proof that it is one.
func TestEveryKindRunsTheSuite(t *testing.T) {
	kinds, err := filepath.Glob("../../internal/kinds/*/kind.go")
	if err != nil || len(kinds) < 2 {
		t.Fatalf("%v, %v", kinds, err)
	}
	for _, kind := range kinds {
		if name := filepath.Base(filepath.Dir(kind)); slices.Contains(withoutItems, name) {
			if text, err := os.ReadFile(kind); err != nil || !bytes.Contains(text, []byte("have no items")) {
				t.Errorf("%s: it does not say that its sources have no items: %v", kind, err)
			}
			continue
		}
		test, err := os.ReadFile(strings.TrimSuffix(kind, ".go") + "_test.go")
		if err != nil || !bytes.Contains(test, []byte("kindtest.Run(")) {
			t.Errorf("%s: no kind_test.go beside it calls kindtest.Run: %v", kind, err)
		}
	}
}
