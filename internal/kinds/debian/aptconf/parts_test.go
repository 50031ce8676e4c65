package aptconf

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pgp "github.com/ProtonMail/go-crypto/openpgp"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// partNames are names of files in apt's folders; EXT stands for an extension that the folder knows.
var partNames = []string{
	"90ubuntu-advantage", "plain", "a.EXT", "UPPER.EXT", "a_b-c:d.EXT", "a.b.EXT", "a.EXT.EXT", "EXT", ".EXT", "EXT.",
	"a.EXT.disabled", "a.EXT.save", "a.EXT.dpkg-old", "a.EXT.dpkg-dist", "a.EXT.minimirror.disabled", "a.EXT~", "a.EXT.bak", "a.bak",
	".hidden.EXT", ".hidden", "a b.EXT", "a+b.EXT", "a,b.EXT", "a~b.EXT", "a%20b.EXT", "ä.EXT", "a.Ext", "a.EXTx", "a.xEXT", "a.", "a..EXT", "-a.EXT", "_", "9", "a.b",
	"#a.EXT#", "LINK.EXT", "LINK", "DANGLING.EXT", "FOLDER.EXT", "PIPE.EXT", "PIPE",
}

// makeParts fills one of apt's folders with files of these names, each with its own text.
func makeParts(t *testing.T, dir, extension string, text func(number int) string) {
	t.Helper()
	for i, name := range partNames {
		file := filepath.Join(dir, strings.ReplaceAll(name, "EXT", extension))
		var err error
		switch strings.Split(name, ".")[0] {
		case "LINK":
			target := filepath.Join(t.TempDir(), "target")
			if err = os.WriteFile(target, []byte(text(i)), 0o644); err == nil {
				err = os.Symlink(target, file)
			}
		case "DANGLING":
			err = os.Symlink("nowhere", file)
		case "FOLDER":
			err = os.Mkdir(file, 0o755)
		case "PIPE":
			err = exec.Command("mkfifo", file).Run()
		default:
			err = os.WriteFile(file, []byte(text(i)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// compareParts compares which files apt has read with which we have.
func compareParts(t *testing.T, apts, ours map[int]bool) {
	t.Helper()
	for i, name := range partNames {
		if apts[i] != ours[i] {
			t.Errorf("%s: apt reads it: %t, we do: %t", name, apts[i], ours[i])
		}
	}
	if len(apts) < 3 {
		t.Errorf("apt reads %v alone", apts)
	}
}

// TestAptParts has the real apt read files of all kinds of names in each of its folders, and us.
func TestAptParts(t *testing.T) {
	t.Run("sources.list.d", func(t *testing.T) {
		for extension, format := range map[string]string{
			"list":    "deb [signed-by=/k] http://h/n%d ./\n",
			"sources": "Types: deb\nURIs: http://h/n%d\nSuites: ./\nSigned-By: /k\n",
		} {
			dir := aptHost(t, "", nil)
			makeParts(t, filepath.Join(dir, "etc/apt/sources.list.d"), extension, func(i int) string { return fmt.Sprintf(format, i) })
			out, err := exec.Command("apt-get", "--print-uris", "-o", "Debug::NoLocking=1", "update").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			apts, ours := make(map[int]bool), make(map[int]bool)
			config, err := readAptConfig(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			entries, err := config.entries()
			if err != nil {
				t.Fatal(err)
			}
			for i := range partNames {
				apts[i] = strings.Contains(string(out), fmt.Sprintf("'http://h/n%d/./InRelease'", i))
				for _, e := range entries {
					ours[i] = ours[i] || e.uris[0] == fmt.Sprintf("http://h/n%d", i)
				}
			}
			compareParts(t, apts, ours)
		}
	})
	t.Run("auth.conf.d", func(t *testing.T) {
		dir := aptHost(t, "Acquire::AllowInsecureRepositories \"true\"; APT::Sandbox::User \"\"; Acquire::http::Proxy \"DIRECT\"; Dir::Bin::Methods \"/usr/lib/apt/methods\";", nil)
		apts, ours := make(map[int]bool), make(map[int]bool)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var number int
			if _, _, given := r.BasicAuth(); given {
				if _, err := fmt.Sscanf(r.URL.Path, "/n%d/", &number); err == nil {
					apts[number] = true // apt asks one after the other
				}
			}
			fmt.Fprint(w, "x")
		}))
		defer server.Close()
		folder := filepath.Join(dir, "etc/apt/auth.conf.d")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		makeParts(t, folder, "conf", func(i int) string { return fmt.Sprintf("machine %s/n%d/ login u password p\n", server.URL, i) })
		args := []string{"download-file"}
		login := accessOf(t, "host").Login
		for i := range partNames {
			uri := fmt.Sprintf("%s/n%d/x", server.URL, i)
			args = append(args, uri, filepath.Join(dir, fmt.Sprint("got", i)), "")
			ours[i] = login(address(t, uri)) != nil
		}
		if out, err := exec.Command("/usr/lib/apt/apt-helper", args...).CombinedOutput(); err != nil {
			t.Fatalf("apt-helper: %v\n%s", err, out)
		}
		server.Close()
		compareParts(t, apts, ours)
	})
	t.Run("trusted.gpg.d", func(t *testing.T) {
		if _, err := exec.LookPath("apt-key"); err != nil {
			t.Fatal("this apt has no apt-key: the rule to compare with is that of apt before 2.9")
		}
		for extension, text := range map[string]func(key *debiantest.Key) []byte{"gpg": (*debiantest.Key).Binary, "asc": (*debiantest.Key).Armored} {
			key := func(i int) *debiantest.Key { return debiantest.NewKey(fmt.Sprint("n", i)) }
			dir := aptHost(t, "", nil)
			makeParts(t, filepath.Join(dir, "etc/apt/trusted.gpg.d"), extension, func(i int) string { return string(text(key(i))) })
			cmd := exec.Command("apt-key", "--quiet", "export") // of all keys
			cmd.Env = append(os.Environ(), "APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			exported, err := openpgp.Parse(out, "apt-key")
			if err != nil {
				t.Fatal(err)
			}
			config, err := readAptConfig(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			trusted, err := config.trustedKeys(debiantest.Quiet)
			if err != nil {
				t.Fatal(err)
			}
			has := func(ring openpgp.Keyring, key *debiantest.Key) bool {
				return slices.ContainsFunc(ring.Keys, func(e *pgp.Entity) bool { return fmt.Sprintf("%X", e.PrimaryKey.Fingerprint) == key.Fingerprint() })
			}
			apts, ours := make(map[int]bool), make(map[int]bool)
			for i := range partNames {
				apts[i], ours[i] = has(exported, key(i)), has(trusted, key(i))
			}
			compareParts(t, apts, ours)
		}
	})
}
