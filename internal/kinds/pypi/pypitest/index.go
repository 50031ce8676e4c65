package pypitest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// A Wheel is a package to make.
type Wheel struct {
	Name, Version string
	Tag           string // empty: py3-none-any
	Requires      []string
	Extras        []string
	// RequiresPython is in the metadata; and on the page, unless Hidden is set.
	RequiresPython string
	Hidden         bool
	Yanked         bool
}

// Filename is the name of the wheel.
func (w Wheel) Filename() string {
	tag := w.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	return strings.ReplaceAll(w.Name, "-", "_") + "-" + w.Version + "-" + tag + ".whl"
}

// Metadata is the file METADATA.
func (w Wheel) Metadata() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", w.Name, w.Version)
	if w.RequiresPython != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", w.RequiresPython)
	}
	for _, extra := range w.Extras {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", extra)
	}
	for _, r := range w.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	return b.String()
}

// Bytes makes the wheel: it can be installed, and has one empty module.
func (w Wheel) Bytes() ([]byte, error) {
	dir := strings.ReplaceAll(w.Name, "-", "_") + "-" + w.Version + ".dist-info/"
	module := strings.ReplaceAll(w.Name, "-", "_") + ".py"
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	record := ""
	for _, f := range [][2]string{{module, ""}, {dir + "METADATA", w.Metadata()}, {dir + "WHEEL", "Wheel-Version: 1.0\nGenerator: pypitest\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}, {dir + "RECORD", ""}} {
		record += f[0] + ",,\n"
		if strings.HasSuffix(f[0], "/RECORD") {
			f[1] = record
		}
		file, err := z.Create(f[0])
		if err == nil {
			_, err = file.Write([]byte(f[1]))
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

// WriteIndex writes wheels and a simple index of them below a folder: pip reads folder/simple as an index, with a file: address.
func WriteIndex(t testing.TB, folder string, wheels []Wheel) {
	t.Helper()
	pages := map[string]string{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(folder, "files"), 0o755))
	for _, w := range wheels {
		data, err := w.Bytes()
		must(err)
		must(os.WriteFile(filepath.Join(folder, "files", w.Filename()), data, 0o644))
		attributes := ""
		if w.RequiresPython != "" && !w.Hidden {
			attributes += ` data-requires-python="` + html.EscapeString(w.RequiresPython) + `"`
		}
		if w.Yanked {
			attributes += ` data-yanked="withdrawn"`
		}
		pages[pep508.NormalizeName(w.Name)] += fmt.Sprintf("<a href=\"../../files/%s\"%s>%s</a><br>\n", strings.ReplaceAll(w.Filename(), "+", "%2B"), attributes, w.Filename())
	}
	for name, links := range pages {
		must(os.MkdirAll(filepath.Join(folder, "simple", name), 0o755))
		must(os.WriteFile(filepath.Join(folder, "simple", name, "index.html"), []byte("<!DOCTYPE html><html><body>\n"+links+"</body></html>\n"), 0o644))
	}
}

// WriteFile writes a file.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
