package debiantest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An Apt is this machine's apt with a state of its own: it sees no installed
// package and no other source, key or setting.
type Apt struct {
	Dir  string   // its folder
	Wrap []string // a command that runs apt, for example "nsenter", "--net=…"
}

// NewApt prepares apt in a temporary folder. sources is the text of a deb822
// file (sources.list(5)). The first architecture is the machine's own; none: amd64.
func NewApt(t testing.TB, sources string, architectures ...string) *Apt {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Fatal("apt-get is missing; type: sudo apt-get install apt")
	}
	if len(architectures) == 0 {
		architectures = []string{"amd64"}
	}
	// Not t.TempDir, whose name has the test's: apt takes a comma in a keyring's path for the end of it.
	dir, err := os.MkdirTemp("", "apt-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a := &Apt{Dir: dir}
	for _, sub := range []string{"etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.Dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf(`Dir "%[1]s";
Dir::Etc "%[1]s/etc";
Dir::State "%[1]s";
Dir::State::lists "%[1]s/lists";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Bin::Methods "/usr/lib/apt/methods";
APT::Architecture "%[2]s";
APT::Architectures { "%[3]s"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Proxy "DIRECT";
`, a.Dir, architectures[0], strings.Join(architectures, `"; "`))
	for name, text := range map[string]string{"status": "", "apt.conf": conf, "etc/sources.list.d/test.sources": sources} {
		if err := os.WriteFile(filepath.Join(a.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// Get runs apt-get and returns what it printed on both outputs. The error says
// so too.
func (a *Apt) Get(args ...string) (string, error) { return a.run("apt-get", args...) }

// Cache runs apt-cache likewise.
func (a *Apt) Cache(args ...string) (string, error) { return a.run("apt-cache", args...) }

func (a *Apt) run(tool string, args ...string) (string, error) {
	command := append(append([]string{}, a.Wrap...), append([]string{tool}, args...)...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.Dir, "apt.conf"), "TMPDIR="+a.Dir, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// Debs returns the names of the files that were downloaded, and their content.
func (a *Apt) Debs() (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(a.Dir, "cache/archives/*deb"))
	if err != nil {
		return nil, err
	}
	debs := map[string][]byte{}
	for _, name := range names {
		if debs[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return debs, nil
}

// Source is one paragraph of a deb822 sources file, the key inlined.
func Source(uri, suite string, components []string, key []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\n", uri, suite)
	if len(components) > 0 {
		fmt.Fprintf(&b, "Components: %s\n", strings.Join(components, " "))
	}
	b.WriteString("Signed-By:\n")
	for line := range strings.Lines(strings.TrimSpace(string(key)) + "\n") {
		if line = strings.TrimSpace(line); line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	return b.String() + "\n"
}
