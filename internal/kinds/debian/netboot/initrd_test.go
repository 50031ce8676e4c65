package netboot

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

func mirror() Mirror {
	return Mirror{Base: "http://mirror.example.org:8080/site", Source: "debian", Suite: "bookworm", Sources: "http://mirror.example.org:8080/site/minimirror.sources",
		Key: append(debiantest.NewKey("one").Armored(), debiantest.NewKey("two").Armored()...)}
}

// A real cpio unpacks the archive, alone and behind another one, and gpgv knows both keys of its keyring.
func TestInitrd(t *testing.T) {
	data, err := Initrd(mirror())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Initrd(mirror())
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("the same mirror gives other bytes: %v", err)
	}
	if len(data)%512 != 0 {
		t.Errorf("%d bytes: what follows would not begin at a multiple of 4", len(data))
	}
	dir := t.TempDir()
	cmd := exec.Command("busybox", "cpio", "-i", "-d")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s (busybox is missing? type: sudo apt-get install busybox)", err, out)
	}
	for name, mode := range map[string]os.FileMode{"preseed.cfg": 0o644, "usr/share/keyrings/archive.gpg": 0o644, "usr/lib/base-installer.d/10minimirror": 0o755} {
		if about, err := os.Stat(filepath.Join(dir, name)); err != nil || about.Mode() != mode || about.Size() == 0 {
			t.Errorf("%s: %v %v", name, about, err)
		}
	}
	for _, name := range []string{"one", "two"} {
		text, err := debiantest.ClearSign([]byte("text\n"), debiantest.DefaultDate, debiantest.NewKey(name))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("gpgv", "--keyring", filepath.Join(dir, "usr/share/keyrings/archive.gpg"))
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("gpgv does not know the key %s: %v\n%s", name, err, out)
		}
	}
	preseed, err := os.ReadFile(filepath.Join(dir, "preseed.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"d-i mirror/protocol string http", "d-i mirror/http/hostname string mirror.example.org:8080", "d-i mirror/http/directory string /site/debian", "d-i mirror/http/proxy string", "d-i mirror/suite string bookworm"} {
		if !strings.Contains(string(preseed), line+"\n") {
			t.Errorf("no line %q:\n%s", line, preseed)
		}
	}
}

func TestInitrdWithoutKey(t *testing.T) {
	m := mirror()
	m.Key = []byte("no key")
	if _, err := Initrd(m); err == nil {
		t.Error("an installer would trust anybody")
	}
}
