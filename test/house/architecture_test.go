package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	identifier = regexp.MustCompile(`^[a-z][a-z0-9]*\.[A-Z]\w*(\.[A-Z]\w*)?$`)
	filePath   = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w./-]+$`)
)

// TestArchitecture holds docs/architecture.md against the tree: every file, folder and identifier that it names is there.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := declarations(t)
	files, identifiers := 0, 0
	for _, span := range codeSpan.FindAllStringSubmatch(string(text), -1) {
		switch name := span[1]; {
		case identifier.MatchString(name):
			if identifiers++; !declared[name] {
				t.Errorf("docs/architecture.md: %s is not declared anywhere", name)
			}
		case filePath.MatchString(name):
			files++
			if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
				t.Errorf("docs/architecture.md: %v", err)
			}
		}
	}
	if files < 50 || identifiers < 20 {
		t.Errorf("docs/architecture.md names %d files and %d identifiers: it says less than it did", files, identifiers)
	}
	if readme, err := os.ReadFile("../../README.md"); err != nil || !strings.Contains(string(readme), "(docs/architecture.md)") {
		t.Errorf("README.md does not link docs/architecture.md: %v", err)
	}
}

// declarations are the exported names of all packages, "package.Name" and "package.Type.Method"; fields and methods of
// interfaces count as methods.
func declarations(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), ".") && e.Name() != "..", e.IsDir() && e.Name() == "testdata":
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			declare(names, file.Name.Name+".", d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func declare(names map[string]bool, pkg string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[pkg+d.Name.Name] = true
		} else {
			names[pkg+typeName(d.Recv.List[0].Type)+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names[pkg+n.Name] = true
				}
			case *ast.TypeSpec:
				names[pkg+s.Name.Name] = true
				var members *ast.FieldList
				switch of := s.Type.(type) {
				case *ast.StructType:
					members = of.Fields
				case *ast.InterfaceType:
					members = of.Methods
				default:
					continue
				}
				for _, m := range members.List {
					for _, n := range m.Names {
						names[pkg+s.Name.Name+"."+n.Name] = true
					}
				}
			}
		}
	}
}

// typeName is the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
