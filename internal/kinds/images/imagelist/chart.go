package imagelist

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
)

// chartFile distinguishes a chart from another folder.
const chartFile = "Chart.yaml"

// packaged reads a compressed file: a packaged chart, or a text.
func (f *finder) packaged(name string, data []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	plain, err := readAll(z, name)
	if err != nil {
		return err
	}
	files, err := untar(plain)
	if errors.Is(err, tar.ErrHeader) || err == nil && len(files) == 0 {
		return f.text(name, plain)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if files[chartFile] == nil {
		return artifact.Hint(fmt.Errorf("%s: not a packaged Helm chart: it has no %s", name, chartFile), "to carry the images of an archive, write from: docker-archive:FILE into a definition")
	}
	dir, err := os.MkdirTemp("", "minimirror-chart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "chart.tgz")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	return f.chart(name, file, files)
}

// untar reads the files of a chart. What it lies in is left out of their names: "NAME/Chart.yaml".
func untar(data []byte) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if _, name, below := strings.Cut(path.Clean("/" + header.Name)[1:], "/"); below {
			files[name] = content
		}
	}
}

// chartFolder reads a chart in a folder.
func (f *finder) chartFolder(dir string) error {
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if err == nil {
			files[filepath.ToSlash(below)], err = artifact.ReadFile(name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return f.chart(dir, dir, files)
}

// chart finds the images of a chart, which lies in a file or folder, too.
func (f *finder) chart(name, file string, files map[string][]byte) error {
	c, err := parseChart(files)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.annotations(name, c)
	helm := f.helm()
	if helm == "" || c.library {
		if !c.library {
			why := "there is no helm on the PATH"
			if f.options.Static {
				why = "--static"
			}
			for _, missing := range c.missing {
				f.note("%s: charts/%s is missing, and so are its images; run: helm dependency build FOLDER", name, missing)
			}
			f.note("%s is not rendered (%s): the list has the images in its values, including those of disabled parts, and lacks images that templates name in other ways", name, why)
		}
		return f.static(name, c)
	}
	rendered, err := f.render(helm, file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.note("%s is rendered by %s", name, helm)
	return f.manifests(name, rendered)
}

// A chart is a Helm chart that is read without rendering it.
type chart struct {
	name, appVersion string
	library          bool
	annotations      *yaml.Node
	values           *yaml.Node // nil: none
	files            map[string][]byte
	parts            []part
	missing          []string // charts that it depends on
}

// A part is a chart within a chart. Its values are below key in those of the whole.
type part struct {
	*chart
	key, folder string
}

func parseChart(files map[string][]byte) (*chart, error) {
	about, err := parseOne(files[chartFile])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", chartFile, err)
	}
	c := &chart{name: get(about, "name").text(), appVersion: get(about, "appVersion").text(), library: get(about, "type").text() == "library",
		annotations: get(about, "annotations").Node, files: make(map[string][]byte)}
	if c.values, err = parseOne(files["values.yaml"]); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	var dependencies []*yaml.Node
	if list := get(about, "dependencies"); list.is(yaml.SequenceNode) {
		dependencies = list.Content
	}
	within := make(map[string]map[string][]byte)
	for name, data := range files {
		folder, rest, _ := strings.Cut(strings.TrimPrefix(name, "charts/"), "/")
		switch {
		case !strings.HasPrefix(name, "charts/"):
			c.files[name] = data
		case rest == "" && strings.HasSuffix(folder, ".tgz"):
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			plain, err := readAll(z, name)
			if err != nil {
				return nil, err
			}
			if within[folder], err = untar(plain); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		case rest != "":
			if within[folder] == nil {
				within[folder] = make(map[string][]byte)
			}
			within[folder][rest] = data
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(within)) {
		if within[folder][chartFile] == nil {
			continue
		}
		inner, err := parseChart(within[folder])
		if err != nil {
			return nil, fmt.Errorf("charts/%s: %w", folder, err)
		}
		key := inner.name
		for _, d := range dependencies {
			if alias := get(d, "alias").text(); get(d, "name").text() == inner.name && alias != "" {
				key = alias
			}
		}
		c.parts = append(c.parts, part{inner, key, "charts/" + folder})
	}
	for _, d := range dependencies {
		if name := get(d, "name").text(); !slices.ContainsFunc(c.parts, func(p part) bool { return p.name == name }) {
			c.missing = append(c.missing, name)
		}
	}
	return c, nil
}

// parseOne reads a file with one document; nil: it has none.
func parseOne(data []byte) (*yaml.Node, error) {
	documents, err := parseDocuments(data)
	if err != nil || len(documents) == 0 {
		return nil, err
	}
	return documents[0], nil
}
