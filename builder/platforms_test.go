package builder

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/lockfile"
)

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	here, other := runtime.GOARCH, "riscv64"
	beside, named := filepath.Join(dir, ProgramPrefix+other), filepath.Join(dir, "named")
	if err := os.WriteFile(beside, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ProgramPrefix+"s390x"), 0o755); err != nil { // not a program
		t.Fatal(err)
	}
	self := filepath.Join(dir, "minimirror")
	carries := func(architectures ...string) *lockfile.Lock {
		lock := new(lockfile.Lock)
		for _, a := range architectures {
			lock.Items = append(lock.Items, artifact.Item{Attributes: artifact.NewAttributes(map[string][]string{"architecture": {a}})})
		}
		return lock
	}
	for name, test := range map[string]struct {
		lock      *lockfile.Lock
		platforms Platforms
		output    string
		want      string // files, or a part of the error
	}{
		"alone":                  {carries(here, "all"), Platforms{}, image.OCI, self},
		"carried and beside":     {carries(here, other, other), Platforms{}, image.OCI, self + " " + beside},
		"carried, no program":    {carries(here, "loong64", "s390x", "source"), Platforms{}, image.Docker, self},
		"not carried":            {carries("all"), Platforms{}, image.OCIArchive, self},
		"carried by the archive": {carries(here, other), Platforms{}, image.DockerArchive, self},
		"named":                  {carries(here), Platforms{Programs: map[string]string{other: named}}, image.OCI, self + " " + named},
		"named for this machine": {carries(here), Platforms{Programs: map[string]string{here: named}}, image.OCI, named},
		"one asked for":          {carries(here, other), Platforms{Architectures: []string{other}}, image.DockerArchive, beside},
		"twice":                  {carries(here), Platforms{Architectures: []string{other, here, other}}, image.OCI, self + " " + beside},
		"no program":             {carries(here), Platforms{Architectures: []string{"s390x"}}, image.OCI, "--program s390x=FILE"},
		"too many":               {carries(here), Platforms{Architectures: []string{here, other}}, image.DockerArchive, "one platform only"},
		"unused":                 {carries(here), Platforms{Architectures: []string{here}, Programs: map[string]string{other: named}}, image.OCI, "no image is made for"},
	} {
		b := &Builder{Program: self, Platforms: test.platforms}
		programs, err := b.programs(test.lock, nil, image.Reference{Transport: test.output, Path: "x"})
		var files []string
		for _, p := range programs {
			files = append(files, p.File)
		}
		want := strings.Fields(test.want)
		slices.Sort(want) // the architectures' order is that of the machines that this runs on
		slices.Sort(files)
		if err != nil {
			if !strings.Contains(err.Error()+hintOf(err), test.want) || !errors.Is(err, artifact.ErrUsage) {
				t.Errorf("%s: %v", name, err)
			}
		} else if !slices.Equal(files, want) {
			t.Errorf("%s: %q, want %q", name, files, want)
		}
	}
}

func hintOf(err error) string {
	var hint *artifact.HintError
	if errors.As(err, &hint) {
		return hint.Hint
	}
	return ""
}
