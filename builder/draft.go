package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// schemaFile is the schema beside a first definition, for editors.
const schemaFile = "mirror.schema.json"

// A Draft is a first definition before it is written: mirror.yaml and the files that it names.
type Draft struct {
	Dir   string
	Files []artifact.DraftFile // mirror.yaml is the last
	Notes []string             // what the user should know
}

// NewDraft makes a first definition for a folder that has none, with the sections of all kinds that can draft one. If name is empty,
// it is the name of the folder.
func NewDraft(ctx context.Context, dir, name string, kinds []artifact.Kind, wanted artifact.DraftRequest) (*Draft, error) {
	d := &Draft{Dir: dir}
	if err := d.checkFolder(); err != nil {
		return nil, err
	}
	if name == "" {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if name = strings.ToLower(filepath.Base(absolute)); !artifact.ValidName(name) || !layout.ValidName(name) {
			return nil, artifact.Hint(fmt.Errorf("%s: the name of the folder cannot be the name of an image", dir), "choose one: --name NAME")
		}
	}
	if !artifact.ValidName(name) || !layout.ValidName(name) {
		return nil, artifact.Usagef("--name %s: it becomes the image's name: lower-case letters and digits, with \"-\", \"_\" or \".\" between them", name)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "# yaml-language-server: $schema=%s\n# What the image carries, and from where. Next: minimirror lock, then minimirror build.\nname: %s   # also the name of the image\n", schemaFile, strictyaml.Quote(name))
	d.Files = nodeFiles(wanted.Nodes)
	for _, kind := range kinds {
		drafter, able := artifact.Able[artifact.Drafter](kind)
		if !able {
			continue
		}
		part, err := drafter.Draft(ctx, wanted)
		if err != nil {
			return nil, err
		}
		text.Write(part.Section)
		d.Files = append(d.Files, part.Files...)
		d.Notes = append(d.Notes, part.Notes...)
	}
	d.Files = append(d.Files, artifact.DraftFile{Path: schemaFile, Data: SchemaDocument(kinds)}, artifact.DraftFile{Path: DefinitionFile, Data: text.Bytes()})
	return d, nil
}

// checkFolder refuses a folder that has a definition or a lock.
func (d *Draft) checkFolder() error {
	switch info, err := os.Stat(d.Dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return artifact.Hint(fmt.Errorf("%s: not a folder", d.Dir), "name a folder; it is made if it is missing")
	}
	for _, name := range []string{DefinitionFile, strings.TrimSuffix(DefinitionFile, ".yaml") + ".lock"} {
		file := filepath.Join(d.Dir, name)
		if _, err := os.Lstat(file); err == nil {
			return artifact.Hint(fmt.Errorf("%s: it already exists", file), "name another folder, or edit %s", filepath.Join(d.Dir, DefinitionFile))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Write writes the files, mirror.yaml last. A file that already exists must have the same content. After an error, it removes
// what it wrote.
func (d *Draft) Write(ctx context.Context) (err error) {
	var made []string
	defer func() {
		for i := len(made) - 1; err != nil && i >= 0; i-- {
			_ = os.Remove(made[i]) // a folder in which another process has put something stays
		}
	}()
	for _, file := range d.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(d.Dir, filepath.FromSlash(file.Path))
		if err := makeFolders(filepath.Dir(name), &made); err != nil {
			return err
		}
		err := atomicfile.WriteNew(name, file.Data, 0o644)
		if errors.Is(err, fs.ErrExist) {
			if have, readErr := artifact.ReadFile(name); file.Path != DefinitionFile && readErr == nil && bytes.Equal(have, file.Data) {
				continue
			}
			return artifact.Hint(fmt.Errorf("%s: a different file of that name exists", name), "move it away, or name another folder")
		}
		if err != nil {
			return err
		}
		made = append(made, name)
	}
	return nil
}

// makeFolders creates a folder and its parents, and appends those that it created to made.
func makeFolders(dir string, made *[]string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeFolders(filepath.Dir(dir), made); err == nil {
			err = os.Mkdir(dir, 0o755)
		}
	}
	if err == nil {
		*made = append(*made, dir)
	}
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

// nodeFiles names copies of files about nodes after the files themselves, for the folder "nodes" of a definition.
func nodeFiles(files []artifact.DraftFile) (named []artifact.DraftFile) {
	taken := make(map[string]bool)
	for _, file := range files {
		base := strings.TrimSuffix(path.Base(filepath.ToSlash(file.Path)), ".status")
		if base == "status" || !artifact.ValidName(base) {
			base = "node"
		}
		name := base
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		taken[name] = true
		named = append(named, artifact.DraftFile{Path: "nodes/" + name + ".status", Data: file.Data})
	}
	return named
}
