// Package builder makes images: mirror.yaml → mirror.lock → layers → image.
// Only Lock and Build connect to upstream.
package builder

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/glob"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// DefinitionFile is the name of a definition in its folder.
const DefinitionFile = "mirror.yaml"

// A Definition says what to carry and from where.
type Definition struct {
	File   string // path of the YAML file
	Name   string
	Digest string // of the file's bytes

	kinds map[string]artifact.Section            // by the kind's name
	sets  map[string]map[string]artifact.Section // by the set's name, then the kind's
	specs map[string]artifact.Spec               // by the kind's name, as they were asked for

	signingKeys   []string // fingerprints of the keys that sign the image; none: any key
	signingKeysAt string   // position

	split bool // images for several platforms carry only the items for their own architecture
}

// LockFile is the path of the definition's lock: mirror.lock beside mirror.yaml.
func (d *Definition) LockFile() string {
	return strings.TrimSuffix(d.File, filepath.Ext(d.File)) + ".lock"
}

// ReadDefinition reads a definition: a folder with a mirror.yaml, or a file.
func ReadDefinition(path string, kinds []artifact.Kind) (*Definition, error) {
	d := newDefinition(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		d.File = filepath.Join(path, DefinitionFile)
	}
	if d.File == d.LockFile() || filepath.Ext(d.File) == ".proofs" {
		return nil, artifact.Hint(fmt.Errorf("%s: a lock is not a definition", path), "name the folder: %s", filepath.Dir(path))
	}
	data, err := artifact.ReadFile(d.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, artifact.Hint(fmt.Errorf("there is no definition %s", d.File), "name a folder with a %s, for example %s", DefinitionFile, exampleBelow(path))
	}
	if err != nil {
		return nil, err
	}
	d.Digest = lockfile.Digest(data)
	return d, d.parse(data, kinds)
}

func newDefinition(file string) *Definition {
	return &Definition{File: file, sets: make(map[string]map[string]artifact.Section), specs: make(map[string]artifact.Spec)}
}

// exampleBelow is a folder below path that has a definition, if there is one.
func exampleBelow(path string) string {
	if found, err := filepath.Glob(filepath.Join(glob.Quote(path), "*", DefinitionFile)); err == nil && len(found) > 0 {
		return filepath.Dir(found[0])
	}
	return "images/docker"
}

func (d *Definition) parse(data []byte, kinds []artifact.Kind) error {
	doc, err := strictyaml.Parse(d.File, data)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name())
	}
	if d.kinds, err = doc.Keys(slices.Concat(definitionKeys, names)); err != nil {
		return err
	}
	name, ok := d.kinds["name"]
	if !ok {
		return doc.Errorf("name is missing")
	}
	if err := name.Decode(&d.Name); err != nil {
		return err
	}
	if !artifact.ValidName(d.Name) || !layout.ValidName(d.Name) {
		return name.Errorf("name %q: it becomes the image's name: lower-case letters and digits, with \"-\", \"_\" or \".\" between them", d.Name)
	}
	if key, ok := d.kinds[signingKeyName]; ok {
		if err := d.parseSigningKeys(key); err != nil {
			return err
		}
	}
	if key, ok := d.kinds[splitName]; ok {
		if err := key.Decode(&d.split); err != nil {
			return err
		}
	}
	sets, ok := d.kinds["sets"]
	delete(d.kinds, "name")
	delete(d.kinds, "sets")
	delete(d.kinds, signingKeyName)
	delete(d.kinds, splitName)
	if len(d.kinds) == 0 {
		return doc.Errorf("nothing to carry: write at least one of the keys %s", strings.Join(names, ", "))
	}
	if !ok {
		return nil
	}
	var parts map[string]artifact.Section
	if err := sets.Decode(&parts); err != nil {
		return artifact.Hint(err, "write, for example: sets: { SET: { %s: [NAME] } }", names[0])
	}
	for _, set := range slices.Sorted(maps.Keys(parts)) {
		section := parts[set]
		if !artifact.ValidName(set) {
			return section.Errorf("set %q: a name has letters, digits and \"-._+~\" only", set)
		}
		if d.sets[set], err = section.Keys(names); err != nil {
			return artifact.Hint(err, "write, for example: %s: { %s: [NAME] }", set, names[0])
		}
		for kind := range d.sets[set] {
			if _, ok := d.kinds[kind]; !ok {
				return section.Errorf("set %s: this definition has no section %q", set, kind)
			}
			if err := installable(kinds, kind); err != nil {
				return section.Errorf("set %s: %w", set, err)
			}
		}
	}
	return nil
}

// Spec is the kind's section, which is parsed once; nil: there is none. To build from a lock, the files that a
// definition names need not exist.
func (d *Definition) Spec(kind artifact.Kind) (artifact.Spec, error) {
	section, wanted := d.kinds[kind.Name()]
	if spec := d.specs[kind.Name()]; spec != nil || !wanted {
		return spec, nil
	}
	spec, err := kind.Parse(section, d.setsOf(kind.Name()), filepath.Dir(d.File))
	d.specs[kind.Name()] = spec
	return spec, err
}

// setsOf returns what each set requests of one kind.
func (d *Definition) setsOf(kind string) map[string]artifact.Section {
	of := make(map[string]artifact.Section)
	for set, parts := range d.sets {
		if section, ok := parts[kind]; ok {
			of[set] = section
		}
	}
	return of
}

// Check parses the sections of all kinds, and reads the files that they name. It does not use the network.
func (d *Definition) Check(kinds []artifact.Kind) error {
	for _, kind := range kinds {
		if _, err := d.Spec(kind); err != nil {
			return err
		}
	}
	return nil
}
