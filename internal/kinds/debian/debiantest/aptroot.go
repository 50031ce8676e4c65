package debiantest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An AptRoot is the real apt on a bare node: an empty status and repositories
// of its own, nothing of this machine.
type AptRoot struct {
	testing.TB
	Dir          string
	repositories int
}

func NewAptRoot(t testing.TB, dir string) *AptRoot {
	r := &AptRoot{TB: t, Dir: dir}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.Write("status", nil)
	r.Write("sources.list", nil)
	r.Write("apt.conf", fmt.Appendf(nil, AptConf, dir))
	return r
}

func (r *AptRoot) Write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(r.Dir, name), data, 0o644); err != nil {
		r.Fatal(err)
	}
}

// WriteFile writes a file and the folders to it.
func (r *AptRoot) WriteFile(name string, data []byte) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		r.Fatal(err)
	}
}

// NativeTo makes it a node of an architecture, with others added as foreign ones.
func (r *AptRoot) NativeTo(native string, architectures []string) {
	conf := strings.ReplaceAll(fmt.Sprintf(AptConf, r.Dir), "amd64", native)
	for _, a := range architectures {
		conf += fmt.Sprintf("APT::Architectures:: %q;\n", a)
	}
	r.Write("apt.conf", []byte(conf))
}

// AddRepository makes a flat, unsigned repository of a Packages file.
func (r *AptRoot) AddRepository(packages []byte) { r.AddSuite(packages, 0) }

// AddSuite makes one to which apt gives a priority: 1, 100 or the usual, 0.
func (r *AptRoot) AddSuite(packages []byte, priority int) {
	dir := fmt.Sprintf("repository%d", r.repositories)
	r.repositories++
	r.WriteFile(filepath.Join(r.Dir, dir, "Packages"), packages)
	flags := map[int]string{1: "NotAutomatic: yes\n", 100: "NotAutomatic: yes\nButAutomaticUpgrades: yes\n"}[priority]
	if flags != "" {
		r.Write(dir+"/Release", fmt.Appendf(nil, "Suite: %s\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n%sSHA256:\n %s %d Packages\n", dir, flags, hexSHA256(packages), len(packages)))
	}
	sources, _ := os.ReadFile(filepath.Join(r.Dir, "sources.list"))
	r.Write("sources.list", fmt.Appendf(sources, "deb [trusted=yes] file:%s ./\n", filepath.Join(r.Dir, dir)))
}

func (r *AptRoot) Update() {
	if out, err := r.Command("apt-get", "-qq", "update").CombinedOutput(); err != nil {
		r.Fatalf("apt-get update: %v\n%s", err, out)
	}
}

// Install simulates an installation. It returns "NAME VERSION" of each package
// that apt would install, or what apt has to say against it.
func (r *AptRoot) Install(recommends bool, names ...string) (packages []string, problem string) {
	args := []string{"-s", "-qq", "install", "--no-install-recommends"}
	if recommends {
		args[3] = "--install-recommends"
	}
	out, err := r.Command("apt-get", append(args, names...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Sprintf("%v: %s", err, bytes.TrimSpace(out))
	}
	for line := range strings.Lines(string(out)) {
		// Inst NAME [OLD-VERSION] (VERSION SUITE [ARCHITECTURE])
		if name, rest, found := strings.Cut(strings.TrimPrefix(line, "Inst "), " "); found && strings.HasPrefix(line, "Inst ") {
			_, version, _ := strings.Cut(rest, "(")
			version, _, _ = strings.Cut(version, " ")
			packages = append(packages, name+" "+version)
		}
	}
	return packages, ""
}

// Command runs a program of apt's in the root. The options are in the file that
// APT_CONFIG names, which is read before any configuration of this machine.
func (r *AptRoot) Command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG="+filepath.Join(r.Dir, "apt.conf"))
	return c
}

// AptConf keeps apt in one directory, on amd64 alone.
const AptConf = `
Dir "%[1]s";
Dir::Etc "%[1]s";
Dir::Etc::sourcelist "sources.list";
Dir::Etc::main "none";
Dir::Etc::parts "empty";
Dir::Etc::sourceparts "empty";
Dir::Etc::preferences "none";
Dir::Etc::preferencesparts "empty";
Dir::Etc::trusted "none";
Dir::Etc::trustedparts "empty";
Dir::State "%[1]s";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Log "%[1]s";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
APT::Get::Show-User-Simulation-Note "false";
Acquire::Languages "none";
Debug::NoLocking "true";
`

// AddStanzas makes a repository of n stanzas, and one more for each priority of
// theirs that apt gives to NotAutomatic suites.
func (r *AptRoot) AddStanzas(n int, stanza func(i int) (text []byte, priority int)) {
	texts := map[int]*bytes.Buffer{0: {}, 1: {}, 100: {}}
	for i := range n {
		stanza, priority := stanza(i)
		text := texts[priority]
		if text == nil {
			text = texts[0]
		}
		text.Write(stanza)
		text.WriteString("\n\n")
	}
	r.AddRepository(texts[0].Bytes())
	for _, priority := range []int{1, 100} {
		if texts[priority].Len() > 0 {
			r.AddSuite(texts[priority].Bytes(), priority)
		}
	}
}

func hexSHA256(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
