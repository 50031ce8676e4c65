package builder

import (
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// ProgramPrefix begins the name of a program for another architecture, which is looked for beside this program: minimirror-linux-arm64.
const ProgramPrefix = "minimirror-linux-"

// Platforms say for which platforms Build makes images.
type Platforms struct {
	// Architectures, in Go's words. Empty: this machine's, those of Programs, and those that the lock carries and
	// for which a program lies beside this one.
	Architectures []string
	Programs      map[string]string // files, by architecture
}

// A Program is the file of a static program for an architecture, in Go's words.
type Program struct {
	Architecture, File string
}

// Platform is what images for it say.
func (p Program) Platform() string { return "linux/" + p.Architecture }

// machines are the machines of ELF files by Go's names of architectures.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
	"ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// programs finds the program of each platform, sorted by architecture. split are the architectures that the lock is split by: there are
// images for no others, unless they are asked for.
func (b *Builder) programs(lock *lockfile.Lock, split []string, output image.Reference) ([]Program, error) {
	want := slices.Clone(b.Platforms.Architectures)
	asked := len(want) > 0
	if !asked {
		want = slices.Collect(maps.Keys(b.Platforms.Programs))
		if len(split) == 0 || slices.Contains(split, runtime.GOARCH) {
			want = append(want, runtime.GOARCH)
		}
		carried := split
		if len(split) == 0 {
			carried = carriedArchitectures(lock)
		}
		for _, architecture := range carried {
			if output.Transport == image.DockerArchive {
				continue
			}
			if _, found := b.program(architecture); found {
				want = append(want, architecture)
			}
		}
		if len(want) == 0 {
			return nil, artifact.Hint(fmt.Errorf("the lock has no items for linux/%s, and there is no program for another platform", runtime.GOARCH),
				"write --platform linux/%s --program %s=FILE: the images carry only the items for their own architecture (%s)", split[0], split[0], splitName)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if err := checkCarried(want, split); err != nil {
		return nil, err
	}
	var all []Program
	for _, architecture := range want {
		file, found := b.program(architecture)
		if !found {
			return nil, artifact.Hint(artifact.Usagef("linux/%s: there is no program for it", architecture),
				"name it with --program %s=FILE, or put it beside this program as %s%s: make release and make programs write it", architecture, ProgramPrefix, architecture)
		}
		all = append(all, Program{architecture, file})
	}
	for architecture := range b.Platforms.Programs {
		if !slices.Contains(want, architecture) {
			return nil, artifact.Usagef("--program %s: no image is made for linux/%s", architecture, architecture)
		}
	}
	if len(all) > 1 && output.Transport == image.DockerArchive {
		return nil, artifact.Hint(artifact.Usagef("%s: a docker-archive has an image for one platform only, not for %s", output, strings.Join(want, " and ")),
			"name one with --platform, or write oci-archive:FILE, which has all of them")
	}
	return all, nil
}

// architecturesOf are the architectures of programs.
func architecturesOf(programs []Program) (all []string) {
	for _, p := range programs {
		all = append(all, p.Architecture)
	}
	return all
}

// program finds the program for an architecture.
func (b *Builder) program(architecture string) (file string, found bool) {
	if file, found := b.Platforms.Programs[architecture]; found {
		return file, true
	}
	if architecture == runtime.GOARCH {
		return b.Program, true
	}
	file = filepath.Join(filepath.Dir(b.Program), ProgramPrefix+architecture)
	info, err := os.Stat(file)
	return file, err == nil && info.Mode().IsRegular()
}

// carriedArchitectures are the architectures for which the lock has items, if Go calls them the same.
func carriedArchitectures(lock *lockfile.Lock) (all []string) {
	seen := map[string]bool{}
	for i := range lock.Items {
		for _, name := range lock.Items[i].Attributes.Values("architecture") {
			if _, known := machines[name]; known && !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// checkMachine fails if the program in the file is for another architecture.
func checkMachine(p Program) error {
	f, err := elf.Open(p.File)
	if err != nil {
		return fmt.Errorf("the program for linux/%s: %s: %w", p.Architecture, p.File, err)
	}
	defer f.Close()
	want, known := machines[p.Architecture]
	if !known {
		return artifact.Usagef("linux/%s: images cannot be built for it", p.Architecture)
	}
	if f.Machine != want {
		return artifact.Hint(fmt.Errorf("the program for linux/%s: %s is for another machine, %s", p.Architecture, p.File, f.Machine),
			"name the right file with --program %s=FILE", p.Architecture)
	}
	return nil
}
