package requirements

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// pylock is a lock file of PEP 751, as far as it matters here.
type pylock struct {
	LockVersion    string          `toml:"lock-version"`
	Environments   []string        `toml:"environments"`
	RequiresPython string          `toml:"requires-python"`
	DefaultGroups  []string        `toml:"default-groups"`
	Packages       []pylockPackage `toml:"packages"`
}

type pylockPackage struct {
	Name           string         `toml:"name"`
	Version        string         `toml:"version"`
	Marker         string         `toml:"marker"`
	RequiresPython string         `toml:"requires-python"`
	Index          string         `toml:"index"`
	VCS            map[string]any `toml:"vcs"`
	Directory      map[string]any `toml:"directory"`
	Archive        map[string]any `toml:"archive"`
	Sdist          *pylockFile    `toml:"sdist"`
	Wheels         []pylockFile   `toml:"wheels"`
}

type pylockFile struct {
	Name   string            `toml:"name"`
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Size   int64             `toml:"size"`
	Hashes map[string]string `toml:"hashes"`
}

// ReadPylock reads a pylock.toml (PEP 751) and returns what it installs in an environment. A package from a repository, a folder or an
// archive that applies there is an error that names it.
func ReadPylock(name string, data []byte, want Selection) ([]Pin, error) {
	var lock pylock
	if err := decode(name, data, &lock); err != nil {
		return nil, err
	}
	if major, _, _ := strings.Cut(lock.LockVersion, "."); major != "1" {
		return nil, artifact.Hint(fmt.Errorf("%s: lock-version is %s, not 1.x", name, abridged(lock.LockVersion)), "PEP 751 describes version 1.0; write the file with a tool that knows it")
	}
	env := want.Environment
	env.Extras, env.DependencyGroups = want.Extras, append(slices.Clone(lock.DefaultGroups), want.Groups...)
	if err := lock.applies(name, env); err != nil {
		return nil, err
	}
	var pins []Pin
	seen := map[string]bool{}
	for i, p := range lock.Packages {
		where := fmt.Sprintf("%s: package %d", name, i+1)
		if p.Name != "" {
			where = name + ": " + artifact.Printable(p.Name)
		}
		applies, err := holds(p.Marker, env)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		} else if !applies {
			continue
		}
		pin, err := p.pin(env)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if seen[pin.Project] {
			return nil, artifact.Hint(fmt.Errorf("%s: it is listed twice for Python %s on %s", where, env.PythonFullVersion, env.SysPlatform), "lock again; the markers of the two must not both hold")
		}
		seen[pin.Project] = true
		pin.Where = where
		pins = append(pins, pin)
	}
	return pins, nil
}

// applies checks that the lock file is for the environment.
func (l *pylock) applies(name string, env pep508.Environment) error {
	python, err := pep440.Parse(env.PythonFullVersion)
	if err != nil {
		return err
	}
	allowed, err := pep440.ParseSpecifiers(l.RequiresPython)
	if err != nil {
		return fmt.Errorf("%s: requires-python: %w", name, err)
	}
	if !allowed.Match(python) {
		return artifact.Hint(fmt.Errorf("%s is for Python %s; the target has %s", name, allowed, python), "lock for this target, or leave it out")
	}
	for _, text := range l.Environments {
		if applies, err := holds(text, env); applies || err != nil {
			return err
		}
	}
	if len(l.Environments) > 0 {
		return artifact.Hint(fmt.Errorf("%s is for other environments than Python %s on %s %s", name, python, env.SysPlatform, env.PlatformMachine), "lock for this target, or leave it out")
	}
	return nil
}

// holds evaluates a marker; none holds everywhere.
func holds(text string, env pep508.Environment) (bool, error) {
	if strings.TrimSpace(text) == "" {
		return true, nil
	}
	m, err := pep508.ParseMarker(text)
	if err != nil {
		return false, err
	}
	return m.Evaluate(env)
}

// pin makes the pin of a package.
func (p *pylockPackage) pin(env pep508.Environment) (Pin, error) {
	for source, table := range map[string]map[string]any{"a repository (vcs)": p.VCS, "a folder (directory)": p.Directory, "an archive": p.Archive} {
		if table != nil {
			return Pin{}, notFromIndex(p.Name, source)
		}
	}
	pin, err := pinned(p.Name, p.Version)
	if err != nil {
		return Pin{}, err
	}
	allowed, err := pep440.ParseSpecifiers(p.RequiresPython)
	if err != nil {
		return Pin{}, fmt.Errorf("requires-python: %w", err)
	}
	if python, err := pep440.Parse(env.PythonFullVersion); err == nil && !allowed.Match(python) {
		return Pin{}, artifact.Hint(fmt.Errorf("it needs Python %s; the target has %s", allowed, python), "lock for this target, or leave it out")
	}
	pin.Index = p.Index
	files := slices.Clone(p.Wheels)
	if p.Sdist != nil {
		files = append(files, *p.Sdist)
	}
	for _, f := range files {
		if f.URL == "" && f.Path != "" {
			return Pin{}, notFromIndex(p.Name, "the path "+abridged(f.Path))
		}
		var known []Hash
		for _, algorithm := range slices.Sorted(maps.Keys(f.Hashes)) {
			if h, err := ParseHash(algorithm + ":" + f.Hashes[algorithm]); err == nil {
				known = append(known, h)
			} else if hexDigits[algorithm] > 0 {
				return Pin{}, err
			}
		}
		file, err := pinnedFile(f.Name, f.URL, f.Size, known)
		if err != nil {
			return Pin{}, err
		}
		pin.Files = append(pin.Files, file)
	}
	if len(pin.Files) == 0 {
		return Pin{}, fmt.Errorf("it has neither wheels nor a source distribution")
	}
	return pin, nil
}
