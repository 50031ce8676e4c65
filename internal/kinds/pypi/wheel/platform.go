package wheel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

const platformHint = "write manylinux_2_28_x86_64, musllinux_1_2_aarch64, linux_x86_64, macosx_13_0_arm64, win_amd64, win_arm64 or win32"

// linuxMachines are the machines of Linux that Python knows.
var linuxMachines = []string{"x86_64", "aarch64", "i686", "armv7l", "armv6l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64"}

// legacyManylinux are the names from before PEP 600, with the minor version of glibc 2 that they stand for.
var legacyManylinux = map[string]int{"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}

// expandPlatform lists the platform and those whose wheels run there too, the best first, and returns the markers that follow from it.
func expandPlatform(name string) ([]string, pep508.Environment, error) {
	invalid := artifact.Hint(fmt.Errorf("%q is not a platform of Python packages", name), platformHint)
	linux := func(machine string) pep508.Environment {
		return pep508.Environment{OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux", PlatformMachine: machine}
	}
	family, rest, _ := strings.Cut(name, "_")
	switch windows := map[string]string{"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}; {
	case windows[name] != "":
		return []string{name}, pep508.Environment{OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows", PlatformMachine: windows[name]}, nil
	case family == "linux" && isMachine(rest):
		return []string{name}, linux(rest), nil
	case legacyManylinux[family] > 0 && isMachine(rest) && legacyManylinux[family] >= oldestGlibc(rest):
		return manylinux(legacyManylinux[family], rest), linux(rest), nil
	case family == "manylinux":
		major, minor, machine, ok := versioned(rest)
		if !ok || major != 2 || !isMachine(machine) || minor < oldestGlibc(machine) {
			return nil, pep508.Environment{}, invalid
		}
		return manylinux(minor, machine), linux(machine), nil
	case family == "musllinux":
		major, minor, machine, ok := versioned(rest)
		if !ok || !isMachine(machine) {
			return nil, pep508.Environment{}, invalid
		}
		var all []string
		for ; minor >= 0; minor-- {
			all = append(all, fmt.Sprintf("musllinux_%d_%d_%s", major, minor, machine))
		}
		return all, linux(machine), nil
	case family == "macosx":
		major, minor, machine, ok := versioned(rest)
		if !ok || machine != "arm64" && machine != "x86_64" || major < 10 || machine == "arm64" && major < 11 {
			return nil, pep508.Environment{}, invalid
		}
		return macos(major, minor, machine), pep508.Environment{OSName: "posix", SysPlatform: "darwin", PlatformSystem: "Darwin", PlatformMachine: machine}, nil
	}
	return nil, pep508.Environment{}, invalid
}

func isMachine(name string) bool {
	for _, machine := range linuxMachines {
		if name == machine {
			return true
		}
	}
	return false
}

// versioned reads MAJOR_MINOR_MACHINE.
func versioned(text string) (major, minor int, machine string, ok bool) {
	parts := strings.SplitN(text, "_", 3)
	if len(parts) != 3 {
		return 0, 0, "", false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, parts[2], err1 == nil && err2 == nil && major > 0 && minor >= 0 && major < 100 && minor < 100 &&
		parts[0] == strconv.Itoa(major) && parts[1] == strconv.Itoa(minor)
}

// oldestGlibc is the minor version of glibc 2 before which no wheels were built for the machine.
func oldestGlibc(machine string) int {
	if machine == "x86_64" || machine == "i686" {
		return 5
	}
	return 17
}

// manylinux lists the platforms of glibc 2 up to a minor version (PEP 600), with their old names (PEP 513, 571, 599).
func manylinux(minor int, machine string) (all []string) {
	for ; minor >= oldestGlibc(machine); minor-- {
		all = append(all, fmt.Sprintf("manylinux_2_%d_%s", minor, machine))
		for name, glibc := range legacyManylinux {
			if glibc == minor {
				all = append(all, name+"_"+machine)
			}
		}
	}
	return all
}

// macos lists the releases of macOS up to one. From 11 on, all wheels of a year have the minor version 0.
func macos(major, minor int, machine string) (all []string) {
	formats := []string{"arm64", "universal2"}
	if machine == "x86_64" {
		formats = []string{"x86_64", "intel", "fat64", "fat3", "universal2", "universal"}
	}
	add := func(major, minor int, formats ...string) {
		for _, format := range formats {
			all = append(all, fmt.Sprintf("macosx_%d_%d_%s", major, minor, format))
		}
	}
	if major == 10 {
		for ; minor >= 4; minor-- {
			add(10, minor, formats...)
		}
		return all
	}
	for ; major > 10; major-- {
		add(major, 0, formats...)
	}
	for minor := 16; minor > 3; minor-- {
		if machine == "x86_64" {
			add(10, minor, formats...)
		} else {
			add(10, minor, "universal2") // its half for Intel may be that old
		}
	}
	return all
}
