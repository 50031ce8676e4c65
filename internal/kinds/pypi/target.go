package pypi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// A target is a Python on a platform, for which packages are chosen: never this machine's.
type target struct {
	*wheel.Target
	section artifact.Section
	name    string // in the lock: "python3.11-manylinux_2_28_x86_64"
}

type targetSpec struct {
	Python   string           `yaml:"python"`
	Platform artifact.Section `yaml:"platform"`
}

func parseTargets(section artifact.Section) (all []target, err error) {
	const example = `write, for example: targets: [ { python: "3.11", platform: manylinux_2_28_x86_64 } ]`
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, artifact.Hint(err, example)
	}
	if len(entries) == 0 {
		return nil, artifact.Hint(section.Errorf("pypi: the list of targets is empty"), example)
	}
	for _, entry := range entries {
		var raw targetSpec
		if err := entry.Decode(&raw); err != nil {
			return nil, artifact.Hint(err, example)
		}
		if raw.Python == "" || raw.Platform == nil {
			return nil, artifact.Hint(entry.Errorf("pypi: a target needs python and platform"), example)
		}
		list, err := texts(raw.Platform)
		if err != nil {
			return nil, artifact.Hint(err, example)
		}
		var platforms []string
		for _, p := range list {
			platforms = append(platforms, p.text)
		}
		t := target{section: entry}
		if t.Target, err = wheel.ParseTarget(raw.Python, platforms...); err != nil {
			return nil, entry.Errorf("pypi: target: %w", err)
		}
		t.name = namePrefix + raw.Python + "-" + platforms[0]
		if slices.ContainsFunc(all, func(o target) bool { return o.name == t.name }) {
			return nil, entry.Errorf("pypi: the target %s is listed twice", t.name)
		}
		all = append(all, t)
	}
	return all, nil
}

const namePrefix = "python"

// parseTargetName is the target that the lock names, apart from platforms beside the first; nil: the name is none.
func parseTargetName(name string) *target {
	python, platform, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "-")
	t, err := wheel.ParseTarget(python, platform)
	if err != nil {
		return nil
	}
	return &target{Target: t, name: name}
}

// marker is where the packages of the target are installed: PEP 508.
func (t *target) marker() string {
	e := t.Environment()
	return fmt.Sprintf("python_version == '%s' and platform_machine == '%s' and sys_platform == '%s'", e.PythonVersion, e.PlatformMachine, e.SysPlatform)
}
