package debian

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An aptRoot is the real apt on a bare node: an empty status and repositories
// of its own, nothing of this machine.
type aptRoot struct {
	testing.TB
	dir          string
	repositories int
}

func newAptRoot(t testing.TB, dir string) *aptRoot {
	r := &aptRoot{TB: t, dir: dir}
	for _, d := range []string{"lists/partial", "archives/partial", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write("status", nil)
	r.write("sources.list", nil)
	r.write("apt.conf", nil)
	return r
}

func (r *aptRoot) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o644); err != nil {
		r.Fatal(err)
	}
}

// addRepository makes a flat, unsigned repository of a Packages file.
func (r *aptRoot) addRepository(packages []byte) {
	dir := fmt.Sprintf("repository%d", r.repositories)
	r.repositories++
	if err := os.MkdirAll(filepath.Join(r.dir, dir), 0o755); err != nil {
		r.Fatal(err)
	}
	r.write(dir+"/Packages", packages)
	sources, _ := os.ReadFile(filepath.Join(r.dir, "sources.list"))
	r.write("sources.list", fmt.Appendf(sources, "deb [trusted=yes] file:%s ./\n", filepath.Join(r.dir, dir)))
}

func (r *aptRoot) update() {
	if out, err := r.command("apt-get", "-qq", "update").CombinedOutput(); err != nil {
		r.Fatalf("apt-get update: %v\n%s", err, out)
	}
}

// install simulates an installation. It returns "NAME VERSION" of each package
// that apt would install, or what apt has to say against it.
func (r *aptRoot) install(recommends bool, names ...string) (packages []string, problem string) {
	args := []string{"-s", "-qq", "install", "--no-install-recommends"}
	if recommends {
		args[3] = "--install-recommends"
	}
	out, err := r.command("apt-get", append(args, names...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Sprintf("%v: %s", err, bytes.TrimSpace(out))
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "Inst" {
			packages = append(packages, f[1]+" "+strings.TrimPrefix(f[2], "("))
		}
	}
	return packages, ""
}

func (r *aptRoot) command(name string, args ...string) *exec.Cmd {
	options := []string{
		"Dir::Etc::sourcelist=" + r.dir + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::Etc::main=" + r.dir + "/apt.conf",
		"Dir::Etc::parts=/dev/null", "Dir::Etc::preferences=/dev/null", "Dir::Etc::preferencesparts=/dev/null",
		"Dir::State::lists=" + r.dir + "/lists", "Dir::State::status=" + r.dir + "/status", "Dir::State::extended_states=/dev/null",
		"Dir::Cache=" + r.dir + "/cache", "Dir::Cache::archives=" + r.dir + "/archives",
		"APT::Architecture=amd64", "APT::Architectures::=amd64", "APT::Sandbox::User=", "Acquire::Languages=none",
		"Debug::NoLocking=1", "APT::Get::Show-User-Simulation-Note=false",
	}
	var all []string
	for _, o := range options {
		all = append(all, "-o", o)
	}
	c := exec.Command(name, append(all, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG=/dev/null", "DEBIAN_FRONTEND=noninteractive")
	return c
}

// aptHelperCat decompresses a file as apt does.
func aptHelperCat(file string) ([]byte, error) {
	return exec.Command("/usr/lib/apt/apt-helper", "cat-file", file).Output()
}
