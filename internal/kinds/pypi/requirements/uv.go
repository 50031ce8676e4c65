package requirements

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// uvLock is a uv.lock, as far as it matters here.
type uvLock struct {
	Version        int         `toml:"version"`
	RequiresPython string      `toml:"requires-python"`
	Packages       []uvPackage `toml:"package"`
	Manifest       struct {
		Members      []string       `toml:"members"`
		Requirements []uvDependency `toml:"requirements"`
	} `toml:"manifest"`
}

type uvPackage struct {
	Name         string                    `toml:"name"`
	Version      string                    `toml:"version"`
	Source       map[string]any            `toml:"source"`
	Markers      []string                  `toml:"resolution-markers"`
	Dependencies []uvDependency            `toml:"dependencies"`
	Optional     map[string][]uvDependency `toml:"optional-dependencies"`
	Groups       map[string][]uvDependency `toml:"dev-dependencies"`
	Sdist        *uvFile                   `toml:"sdist"`
	Wheels       []uvFile                  `toml:"wheels"`
}

type uvDependency struct {
	Name    string         `toml:"name"`
	Version string         `toml:"version"`
	Source  map[string]any `toml:"source"`
	Extra   []string       `toml:"extra"`
	Marker  string         `toml:"marker"`
}

type uvFile struct {
	URL      string `toml:"url"`
	Path     string `toml:"path"`
	Filename string `toml:"filename"`
	Hash     string `toml:"hash"`
	Size     int64  `toml:"size"`
}

// local are the sources of the projects that a uv.lock is about: they are installed from their folder, and not carried.
var local = []string{"virtual", "editable", "directory"}

// isMember reports whether the package is one of the projects that the file is about.
func (l *uvLock) isMember(p *uvPackage) bool {
	if len(l.Manifest.Members) > 0 {
		return slices.Contains(l.Manifest.Members, p.Name)
	}
	return slices.ContainsFunc(local, func(source string) bool { return p.Source[source] == "." })
}

// A uvWalk goes from the projects of a uv.lock to all that they need.
type uvWalk struct {
	lock  *uvLock
	where string
	env   pep508.Environment
	seen  map[string]bool // package and extra
	pins  map[*uvPackage]bool
	order []*uvPackage
}

// ReadUV reads a uv.lock and returns what its projects need in an environment, with the extras and groups that are selected; the projects
// themselves are not among it. A package that applies there and does not come from an index is an error that names it.
func ReadUV(name string, data []byte, want Selection) ([]Pin, error) {
	var lock uvLock
	if err := decode(name, data, &lock); err != nil {
		return nil, err
	}
	if lock.Version != 1 {
		return nil, artifact.Hint(fmt.Errorf("%s: version is %d, not 1", name, lock.Version), "write pylock.toml instead: uv export --format pylock.toml")
	}
	python, err := pep440.Parse(want.Environment.PythonFullVersion)
	if err != nil {
		return nil, err
	}
	allowed, err := pep440.ParseSpecifiers(lock.RequiresPython)
	if err != nil {
		return nil, fmt.Errorf("%s: requires-python: %w", name, err)
	}
	if !allowed.Match(python) {
		return nil, artifact.Hint(fmt.Errorf("%s is for Python %s; the target has %s", name, allowed, python), "lock for this target, or leave it out")
	}
	w := &uvWalk{lock: &lock, where: name, env: want.Environment, seen: map[string]bool{}, pins: map[*uvPackage]bool{}}
	if err := w.dependencies("the project", lock.Manifest.Requirements); err != nil {
		return nil, err
	}
	for i := range lock.Packages {
		p := &lock.Packages[i]
		if !lock.isMember(p) {
			continue
		}
		if err := w.dependencies(p.Name, p.Dependencies); err != nil {
			return nil, err
		}
		for _, extra := range want.Extras {
			if err := w.dependencies(p.Name, p.Optional[extra]); err != nil {
				return nil, err
			}
		}
		for _, group := range want.Groups {
			if err := w.dependencies(p.Name, p.Groups[group]); err != nil {
				return nil, err
			}
		}
	}
	return w.result()
}

// dependencies follows those that apply.
func (w *uvWalk) dependencies(of string, all []uvDependency) error {
	for _, d := range all {
		applies, err := holds(d.Marker, w.env)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", w.where, of, err)
		} else if !applies {
			continue
		}
		p, err := w.find(d)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", w.where, of, err)
		}
		if err := w.visit(p, d.Extra); err != nil {
			return err
		}
	}
	return nil
}

// visit adds a package with extras, and what it needs.
func (w *uvWalk) visit(p *uvPackage, extras []string) error {
	if !w.pins[p] {
		w.pins[p] = true
		w.order = append(w.order, p)
		if err := w.dependencies(p.Name, p.Dependencies); err != nil {
			return err
		}
	}
	for _, extra := range extras {
		if key := fmt.Sprintf("%p[%s]", p, extra); !w.seen[key] {
			w.seen[key] = true
			if err := w.dependencies(p.Name, p.Optional[extra]); err != nil {
				return err
			}
		}
	}
	return nil
}

// find returns the package that a dependency means: the lock file may have several versions of it, for different environments.
func (w *uvWalk) find(d uvDependency) (*uvPackage, error) {
	var found []*uvPackage
	for i := range w.lock.Packages {
		p := &w.lock.Packages[i]
		if p.Name != d.Name || d.Version != "" && d.Version != p.Version || d.Source != nil && fmt.Sprint(d.Source) != fmt.Sprint(p.Source) {
			continue
		}
		applies := len(p.Markers) == 0
		for _, text := range p.Markers {
			one, err := holds(text, w.env)
			if err != nil {
				return nil, err
			}
			applies = applies || one
		}
		if applies {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return nil, artifact.Hint(fmt.Errorf("it needs %s %s, of which the file has %d for this environment", artifact.Printable(d.Name), artifact.Printable(d.Version), len(found)), "run uv lock again")
	}
	return found[0], nil
}

// result makes the pins.
func (w *uvWalk) result() (pins []Pin, err error) {
	for _, p := range w.order {
		if w.lock.isMember(p) {
			continue
		}
		pin, err := p.pin()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.where, err)
		}
		pin.Where = w.where + ": " + pin.Project
		pins = append(pins, pin)
	}
	slices.SortStableFunc(pins, func(a, b Pin) int { return strings.Compare(a.Project, b.Project) })
	for i := 1; i < len(pins); i++ {
		if pins[i].Project == pins[i-1].Project {
			return nil, artifact.Hint(fmt.Errorf("%s: %s is needed in the versions %s and %s at once", w.where, pins[i].Project, pins[i-1].Version, pins[i].Version), "run uv lock again")
		}
	}
	return pins, nil
}

// pin makes the pin of a package.
func (p *uvPackage) pin() (Pin, error) {
	registry, ok := p.Source["registry"].(string)
	if !ok {
		for source, at := range p.Source {
			return Pin{}, notFromIndex(artifact.Printable(p.Name), artifact.Printable(fmt.Sprint(source, " ", at)))
		}
		return Pin{}, fmt.Errorf("%s has no source", artifact.Printable(p.Name))
	}
	pin, err := pinned(p.Name, p.Version)
	if err != nil {
		return Pin{}, err
	}
	pin.Index = registry
	files := slices.Clone(p.Wheels)
	if p.Sdist != nil {
		files = append(files, *p.Sdist)
	}
	for _, f := range files {
		if f.URL == "" && f.Path != "" {
			return Pin{}, notFromIndex(p.Name, "the path "+abridged(f.Path))
		}
		var hashes []Hash
		if h, err := ParseHash(f.Hash); err == nil {
			hashes = []Hash{h}
		}
		file, err := pinnedFile(f.Filename, f.URL, f.Size, hashes)
		if err != nil {
			return Pin{}, fmt.Errorf("%s: %w", p.Name, err)
		}
		pin.Files = append(pin.Files, file)
	}
	if len(pin.Files) == 0 {
		return Pin{}, fmt.Errorf("%s has neither wheels nor a source distribution", p.Name)
	}
	return pin, nil
}
