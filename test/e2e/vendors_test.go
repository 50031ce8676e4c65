package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// A vendorArchive is an archive as some vendor makes it, and what the real apt and
// this program make of it. Where apt installs, the program locks, builds and serves,
// and apt installs the same files through it; anything else has a reason. docs/vendors.md
// says the same to users.
type vendorArchive struct {
	name    string
	archive string                      // debiantest.Parse; the suite is "bookworm", the key "archive" unless the row says otherwise
	edit    func(a *debiantest.Archive) // before it is built; may be nil
	tamper  func(t *debiantest.Tree)    // after it was built; may be nil
	flat    string                      // the suite, of a flat repository

	source     string // more keys of the source, for example "check-valid-until: false"
	definition string // more keys of "debian"; default "packages: [good]"
	install    string // default "good"; words are packages

	aptRefuses bool           // apt can't install from the archive itself
	refused    string         // lock fails, and this pattern matches what it prints; empty: apt installs through us
	stricter   string         // why it is refused though apt installs
	complaint  string         // apt installs and warns, of the archive and through us: this pattern matches the line
	warns      string         // this pattern matches what lock prints; empty: it warns of nothing
	then       *vendorArchive // the archive's next state, for a second lock of the same definition; only archive, edit, tamper, refused and warns count
}

// runVendors runs each archive as a test of its own.
func runVendors(t *testing.T, archives []vendorArchive) {
	program := programUnderTest(t)
	for _, v := range archives {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			v.run(t, program)
		})
	}
}

func (v vendorArchive) run(t *testing.T, program string) {
	if v.stricter != "" && (v.refused == "" || v.aptRefuses) {
		t.Fatal("stricter is for archives that apt takes and the program refuses")
	}
	archive, tree := v.build(t)
	faults := debiantest.NewFaults(tree)
	upstream := debiantest.StartTree(t, faults)
	suite, components := "bookworm", []string{"main"}
	if v.flat != "" {
		suite, components = v.flat, nil
	}

	direct := debiantest.NewApt(t, debiantest.Source(upstream, suite, components, archive.Keys["archive"].Armored()))
	want, shown, err := v.installed(direct, v.complaint != "")
	switch {
	case v.aptRefuses && err == nil:
		t.Fatalf("apt installs from the archive: %q", slices.Sorted(maps.Keys(want)))
	case !v.aptRefuses && err != nil:
		t.Fatalf("apt does not install from the archive: %v", err)
	case !v.aptRefuses && v.refused != "" && v.stricter == "":
		t.Fatal("apt installs, the program refuses, and no reason is given: set stricter")
	}

	site := newVendorSite(t, program, archive)
	site.define(v, upstream, suite, components)
	if !site.lock(v) {
		return
	}
	site.run("build", site.dir, "--output", "oci:"+site.image)
	site.run("verify", "oci:"+site.image, "--keyring", filepath.Join(site.dir, "archive.asc"))
	got, shownHere, err := v.installed(debiantest.NewApt(t, site.sources(site.serve())), true)
	if err != nil {
		t.Fatalf("apt does not install through us: %v", err)
	}
	if v.aptRefuses {
		want, shown = got, shownHere // nothing to compare with, but each file is upstream's:
	}
	for name, data := range want {
		if !bytes.Equal(got[name], data) {
			t.Errorf("%s: %d bytes through us, %d from the archive", name, len(got[name]), len(data))
		}
	}
	for name, data := range got {
		if !isFileOf(tree, data) {
			t.Errorf("%s is no file of the archive", name)
		}
	}
	if shown != shownHere {
		t.Errorf("apt-cache show says, of the archive:\n%s\nand through us:\n%s", shown, shownHere)
	}
	if v.then != nil {
		_, next := v.then.build(t)
		faults.Swap(next.KeepOld(tree))
		site.lock(*v.then)
	}
}

// build makes the archive's files.
func (v vendorArchive) build(t *testing.T) (*debiantest.Archive, *debiantest.Tree) {
	t.Helper()
	archive, err := debiantest.Parse(v.archive)
	if err != nil {
		t.Fatal(err)
	}
	if v.edit != nil {
		v.edit(archive)
	}
	tree, err := archive.Build()
	if err != nil {
		t.Fatal(err)
	}
	if v.tamper != nil {
		v.tamper(tree)
	}
	return archive, tree
}

// packages are what the clients install.
func (v vendorArchive) packages() []string {
	if v.install == "" {
		return []string{"good"}
	}
	return strings.Fields(v.install)
}

// installed has a client fetch the packages with all they need. It returns the files by name, and
// what apt knows of the packages. A client that is strict fails when apt complains, unless the row says so.
func (v vendorArchive) installed(apt *debiantest.Apt, strict bool) (debs map[string][]byte, shown string, err error) {
	for _, args := range [][]string{{"update"}, append([]string{"-qq", "--yes", "--download-only", "install"}, v.packages()...)} {
		said, err := apt.Get(args...)
		if err == nil && strict {
			err = v.complaints(args[0] == "update", said)
		}
		if err != nil {
			return nil, "", err
		}
	}
	if debs, err = apt.Debs(); err != nil {
		return nil, "", err
	}
	if len(debs) == 0 {
		return nil, "", errors.New("apt fetched nothing")
	}
	shown, err = apt.Cache(append([]string{"show", "--no-all-versions"}, v.packages()...)...)
	return debs, comparable(shown), err
}

// complaints is an error when apt has said anything but the complaint that the row expects of an update.
func (v vendorArchive) complaints(expected bool, said string) error {
	var lines []string
	if expected && v.complaint != "" {
		lines = append(lines, v.complaint)
	}
	found := regexp.MustCompile(`(?m)^[WE]:.*$`).FindAllString(said, -1)
	if !slices.EqualFunc(found, lines, func(line, pattern string) bool { return regexp.MustCompile(pattern).MatchString(line) }) {
		return fmt.Errorf("apt complains of %q, want %q:\n%s", found, lines, said)
	}
	return nil
}

// ours are the fields that the mirror writes itself: where the file is, its digests, and how far upstream has rolled it out.
var ours = regexp.MustCompile(`(?i)^(Filename|Size|MD5sum|SHA1|SHA256|SHA512|Phased-Update-Percentage) *:`)

// comparable sorts the lines of what apt-cache shows: the order of fields is nobody's promise. apt
// takes the names of packages in lower case.
func comparable(shown string) string {
	var lines []string
	for line := range strings.Lines(shown) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" && !ours.MatchString(line) {
			if strings.HasPrefix(line, "Package:") {
				line = strings.ToLower(line)
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func isFileOf(tree *debiantest.Tree, data []byte) bool {
	for _, file := range tree.Files {
		if bytes.Equal(file, data) {
			return true
		}
	}
	return false
}

// A vendorSite has the definition, the lock and the image of one archive.
type vendorSite struct {
	*testing.T
	program, dir, home, image string
}

func newVendorSite(t *testing.T, program string, archive *debiantest.Archive) *vendorSite {
	s := &vendorSite{T: t, program: program, dir: filepath.Join(t.TempDir(), "def"), home: t.TempDir()}
	s.image = filepath.Join(t.TempDir(), "image")
	if err := archive.WriteKeys(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// define writes the definition.
func (s *vendorSite) define(v vendorArchive, upstream, suite string, components []string) {
	s.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "name: vendor\ndebian:\n  sources:\n    - name: vendor\n      urls: [%s]\n      suites: [%q]\n", upstream, suite)
	if !strings.Contains(v.source, "architectures:") {
		b.WriteString("      architectures: [amd64]\n")
	}
	if components != nil && !strings.Contains(v.source, "components:") {
		fmt.Fprintf(&b, "      components: [%s]\n", strings.Join(components, ", "))
	}
	if !strings.Contains(v.source, "signed-by:") {
		b.WriteString("      signed-by: archive.asc\n")
	}
	indent := func(by, text string) {
		for line := range strings.Lines(strings.TrimSpace(text)) {
			b.WriteString(by + strings.TrimRight(line, "\n") + "\n")
		}
	}
	indent("      ", v.source)
	if v.definition == "" {
		v.definition = "packages: [good]"
	}
	indent("  ", v.definition)
	if err := os.WriteFile(filepath.Join(s.dir, "mirror.yaml"), []byte(b.String()), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *vendorSite) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Dir = s.home
	cmd.Env = []string{"HOME=" + s.home, "TMPDIR=" + s.home, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NO_PROXY=*"}
	return cmd
}

// run wants a command to succeed.
func (s *vendorSite) run(args ...string) {
	s.Helper()
	if out, err := s.command(args...).CombinedOutput(); err != nil {
		s.Fatalf("minimirror %s: %v\n%s", args[0], err, out)
	}
}

// lock locks the definition and compares what is printed with the row. It reports whether there is a lock to build.
func (s *vendorSite) lock(v vendorArchive) bool {
	s.Helper()
	file := filepath.Join(s.dir, "mirror.lock")
	before, _ := os.ReadFile(file)
	out, err := s.command("lock", s.dir).CombinedOutput()
	if (err != nil) != (v.refused != "") {
		s.Fatalf("minimirror lock: %v\n%s", err, out)
	}
	for _, pattern := range []string{v.refused, v.warns} {
		if !regexp.MustCompile(`(?m)` + pattern).Match(out) {
			s.Errorf("lock does not say %q:\n%s", pattern, out)
		}
	}
	if v.refused == "" {
		if v.warns == "" && bytes.Contains(out, []byte("WARN")) {
			s.Errorf("lock warns:\n%s", out)
		}
		return true
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		s.Error("a lock that failed has changed mirror.lock")
	}
	return false
}

// serve serves the image until the test ends, and returns the address.
func (s *vendorSite) serve(args ...string) string {
	s.Helper()
	server, err := startServer(s.command(append([]string{"serve", "--image", "oci:" + s.image, "--listen", "127.0.0.1:0"}, args...)...), s.Logf)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(server.kill)
	return "http://" + server.address
}

// sources is what a client of the mirror writes to sources.list.d.
func (s *vendorSite) sources(mirror string) string {
	s.Helper()
	sources, err := get(mirror + "/minimirror.sources")
	if err != nil {
		s.Fatal(err)
	}
	return sources
}

func TestVendorPlain(t *testing.T) {
	runVendors(t, []vendorArchive{
		{name: "as dak makes it", archive: "Suite: bookworm\n\nPackage: good\nDepends: lib (>= 1)\n\nPackage: lib\nVersion: 1:2.0~rc1\nArchitecture: amd64\n"},
		{name: "flat", flat: "./", archive: "Suite: ./\n\nPackage: good\nArchitecture: amd64\n"},
		{name: "a package that is missing", archive: "Suite: bookworm\n\nPackage: other\n", aptRefuses: true, refused: "good"},
		{name: "digests too weak", archive: "Suite: bookworm\nHashes: MD5Sum SHA1\n\nPackage: good\n", aptRefuses: true, refused: "SHA256"},
	})
}
