package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// noticeName is what licences and notices are called.
var noticeName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([-._].*)?$`)

// notices are the licences and notices of all modules that the program contains, each text once, compressed.
func (r *release) notices() ([]byte, error) {
	owners := make(map[string][]string) // of a text
	for _, architecture := range architectures {
		cmd := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}	{{.Dir}}	{{$.Dir}}{{end}}{{else}}go	{{$.Root}}	{{$.Root}}{{end}}`, "./cmd/minimirror")
		cmd.Env = buildEnv(architecture)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(fields) != 3 {
				continue // a package of this module
			}
			if err := collect(owners, fields[0], fields[1], fields[2]); err != nil {
				return nil, err
			}
		}
	}
	var list bytes.Buffer
	list.WriteString("What the program contains, with licences and notices\n")
	texts := slices.SortedFunc(maps.Keys(owners), func(a, b string) int {
		return strings.Compare(owners[a][0]+a, owners[b][0]+b)
	})
	for _, text := range texts {
		fmt.Fprintf(&list, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 78), strings.Join(owners[text], "\n"), strings.TrimSpace(text))
	}
	return compress(list.Bytes())
}

// collect adds the texts that hold for a package: those of its folder and of the folders above, up to the module's.
func collect(owners map[string][]string, module, root, dir string) error {
	found := false
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || !noticeName.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			found = true
			if owner := owners[string(text)]; !slices.Contains(owner, module) {
				owners[string(text)] = append(owner, module)
			}
		}
		if dir == root || len(dir) <= len(root) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if !found {
		return fmt.Errorf("%s has no licence", module)
	}
	for text := range owners {
		slices.Sort(owners[text])
	}
	return nil
}
