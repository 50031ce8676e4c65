// Package imagelist finds the names of the images that other programs' files mention: Helm charts, Kubernetes manifests, compose files and
// plain lists.
//
//	FILE ──chart.go──▶ helm, or values.go ─┐
//	     ──document.go, field.go───────────┼──reference.go──▶ List ──write.go──▶ the images section of a definition
//	     ──lines.go────────────────────────┘
//
// Texts in the place of an image name that are not one are listed, too: if the list silently lacked an image, that would show only at the site.
package imagelist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A List is what was found in files.
type List struct {
	Images  []Image   `json:"images"`  // sorted by registry, repository, tag and digest
	Skipped []Skipped `json:"skipped"` // sorted by place
	Notes   []string  `json:"notes"`   // how images were found, where that matters: a sentence each
}

// An Image is the name of an image, complete as clients complete it.
type Image struct {
	Registry   string `json:"registry"`         // "docker.io"
	Repository string `json:"repository"`       // "library/nginx"
	Tag        string `json:"tag,omitempty"`    // "latest" if neither a tag nor a digest is stated
	Digest     string `json:"digest,omitempty"` // "sha256:…"
	// Unstated means that the name states neither a tag nor a digest.
	Unstated bool `json:"unstated,omitempty"`
	// Guessed means that the tag is the version of a chart's application, as templates usually complete it.
	Guessed bool    `json:"guessed,omitempty"`
	Places  []Place `json:"places"` // where it was found
}

// A Place is where a name was found.
type Place struct {
	File  string `json:"file"`            // as it was named; of a chart, also the file within: "web.tgz: templates/web.yaml"
	Line  int    `json:"line,omitempty"`  // 0: unknown
	Field string `json:"field,omitempty"` // "spec.containers[0].image"
}

// String is "FILE:LINE".
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Skipped is a text at a place for the name of an image, which is not in the list.
type Skipped struct {
	Place
	Text   string `json:"text"`
	Reason string `json:"reason"` // "it is a template"
}

// Reasons why a text is skipped.
const (
	isTemplate = "it is a template"
	isUnset    = "it has a variable without a default"
	notName    = "it is not the name of an image" // perhaps with more behind it
)

// Options say how files are read.
type Options struct {
	Stdin io.Reader // what the file "-" is
	// Values are files of values for charts; later ones override earlier ones.
	Values []string
	// Static reads the values of charts even if there is helm.
	Static bool
}

// Find reads files and folders. A folder is a chart, or manifests.
func Find(ctx context.Context, files []string, o Options) (*List, error) {
	f := &finder{ctx: ctx, options: o, list: &List{Images: []Image{}, Skipped: []Skipped{}, Notes: []string{}}}
	for _, file := range files {
		if err := f.path(file); err != nil {
			return nil, err
		}
	}
	f.list.sort()
	return f.list, nil
}

// A finder has the state of one call of Find.
type finder struct {
	ctx     context.Context
	options Options
	list    *List
}

// maxFile is how large a file may be, in bytes.
const maxFile = 256 << 20

// path reads a file, a folder or standard input.
func (f *finder) path(name string) error {
	if name == "-" {
		data, err := readAll(f.options.Stdin, "standard input")
		if err != nil {
			return err
		}
		return f.content("standard input", data)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return f.folder(name)
	}
	in, err := artifact.OpenInput(f.ctx, name)
	if err != nil {
		return err
	}
	defer in.Close()
	data, err := readAll(in, name)
	if err != nil {
		return err
	}
	return f.content(name, data)
}

func readAll(in io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// content reads what a file holds.
func (f *finder) content(name string, data []byte) error {
	if strings.HasPrefix(string(data), "\x1f\x8b") {
		return f.packaged(name, data)
	}
	return f.text(name, data)
}

// folder reads a chart, or the manifests in a folder.
func (f *finder) folder(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, chartFile)); err == nil {
		return f.chartFolder(dir)
	}
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return artifact.Hint(fmt.Errorf("%s: %s changes the names of images, so it has to be built first", dir, name), "run: kubectl kustomize %s | minimirror images from -", dir)
		}
	}
	var names []string
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return artifact.Hint(fmt.Errorf("%s: neither a Helm chart nor a folder with manifests", dir), "a chart has Chart.yaml; manifests end in .yaml, .yml or .json")
	}
	for _, name := range names {
		if err := f.path(name); err != nil {
			return err
		}
	}
	return nil
}

// add adds a text from a place that is only for image names.
func (f *finder) add(text string, at Place) {
	image, reason := parse(text)
	if reason != "" {
		f.skip(text, reason, at)
		return
	}
	f.put(image, at)
}

// guess is add for a text whose tag is the chart's appVersion.
func (f *finder) guess(text string, at Place) {
	image, reason := parse(text)
	if reason != "" {
		f.skip(text, reason, at)
		return
	}
	image.Guessed = true
	f.put(image, at)
}

// put adds an image, or a place to it.
func (f *finder) put(image Image, at Place) {
	for i := range f.list.Images {
		o := &f.list.Images[i]
		if compare(*o, image) == 0 {
			o.Unstated, o.Guessed = o.Unstated && image.Unstated, o.Guessed && image.Guessed
			if !slices.Contains(o.Places, at) {
				o.Places = append(o.Places, at)
			}
			return
		}
	}
	image.Places = []Place{at}
	f.list.Images = append(f.list.Images, image)
}

func (f *finder) skip(text, reason string, at Place) {
	if s := (Skipped{at, text, reason}); !slices.Contains(f.list.Skipped, s) {
		f.list.Skipped = append(f.list.Skipped, s)
	}
}

func (f *finder) note(format string, args ...any) {
	f.list.Notes = append(f.list.Notes, fmt.Sprintf(format, args...))
}

func compare(a, b Image) int {
	return cmp.Or(strings.Compare(a.Registry, b.Registry), strings.Compare(a.Repository, b.Repository), strings.Compare(a.Tag, b.Tag), strings.Compare(a.Digest, b.Digest))
}

func (l *List) sort() {
	slices.SortFunc(l.Images, compare)
	slices.SortStableFunc(l.Skipped, func(a, b Skipped) int { return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line) })
}

// errNone means that no file names an image.
var errNone = errors.New("no image is named")

// Check is an error if the list is empty.
func (l *List) Check() error {
	if len(l.Images) > 0 {
		return nil
	}
	for _, s := range l.Skipped {
		if s.Reason == isTemplate {
			return artifact.Hint(fmt.Errorf("%w, except by templates such as %q in %s", errNone, s.Text, s.Place), "render them first: helm template FOLDER | minimirror images from -")
		}
	}
	return artifact.Hint(errNone, "name charts, manifests, compose files, or lists with an image on each line; standard input is -")
}
