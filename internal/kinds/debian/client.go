package debian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/kinds/debian/aptconf"
)

const (
	clientFile = "etc/apt/sources.list.d/minimirror.sources"
	// disabled ends the names of sources that apt must not read: apt ignores such files
	// silently (Dir::Ignore-Files-Silently).
	disabled = ".minimirror.disabled"
)

// Configure implements artifact.Configurer: it writes a deb822 source with the key
// inside, and with only puts the other sources away.
func (Kind) Configure(root string, m artifact.Mirror, base string, only bool) (changed []string, err error) {
	inside, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	if _, err := inside.Stat(path.Dir(clientFile)); err != nil {
		return nil, artifact.Hint(fmt.Errorf("%s: there is no apt: %w", root, err), "install apt first, or name another root with --root")
	}
	text := []byte(sourcesFile(m, strings.TrimRight(base, "/")))
	if err := atomicfile.WriteIn(inside, clientFile, text, 0o644); err != nil {
		return nil, err
	}
	changed = append(changed, "wrote "+filepath.Join(root, clientFile))
	if !only {
		return changed, nil
	}
	others, err := sourcesOf(inside)
	if err != nil {
		return changed, err
	}
	for _, name := range others {
		if name == clientFile || strings.HasSuffix(name, disabled) {
			continue
		}
		if err := inside.Rename(name, name+disabled); err != nil {
			return changed, err
		}
		changed = append(changed, "disabled "+filepath.Join(root, name))
	}
	return changed, nil
}

// Unconfigure implements artifact.Configurer: it undoes Configure.
func (Kind) Unconfigure(root string) (changed []string, err error) {
	inside, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	if err := inside.Remove(clientFile); err == nil {
		changed = append(changed, "removed "+filepath.Join(root, clientFile))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	others, err := sourcesOf(inside)
	if err != nil {
		return changed, err
	}
	for _, name := range others {
		before, was := strings.CutSuffix(name, disabled)
		if !was {
			continue
		}
		if _, err := inside.Lstat(before); err == nil {
			return changed, artifact.Hint(fmt.Errorf("%s: there is a new %s", filepath.Join(root, name), path.Base(before)), "remove one of the two")
		}
		if err := inside.Rename(name, before); err != nil {
			return changed, err
		}
		changed = append(changed, "enabled "+filepath.Join(root, before))
	}
	return changed, nil
}

// sourcesOf lists apt's files of sources: sources.list(5).
func sourcesOf(inside *os.Root) (names []string, err error) {
	for _, dir := range []string{"etc/apt", "etc/apt/sources.list.d"} {
		entries, err := fs.ReadDir(inside.FS(), dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := strings.TrimSuffix(e.Name(), disabled)
			if !e.IsDir() && (name == "sources.list" && dir == "etc/apt" || dir != "etc/apt" && aptconf.ReadsFile(name, "list", "sources")) {
				names = append(names, path.Join(dir, e.Name()))
			}
		}
	}
	return names, nil
}
