package aptconf

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// aptHost makes apt's configuration of a machine and has this process use it.
func aptHost(t *testing.T, conf string, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, sub := range []string{"apt.conf.d", "sources.list.d", "trusted.gpg.d", "preferences.d"} {
		if err := os.MkdirAll(filepath.Join(dir, "etc/apt", sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		text = strings.ReplaceAll(text, "LIST", filepath.Join(dir, "etc/apt/list"))
		if err := os.WriteFile(filepath.Join(dir, "etc/apt", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "apt.conf")
	// The host's own apt.conf.d is read after APT_CONFIG, and could undo what is set here.
	text := fmt.Sprintf("Dir \"%s\";\nDir::Etc::parts \"%s/etc/apt/apt.conf.d\";\nAPT::Architecture \"amd64\";\n%s\n", dir, dir, conf)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("APT_CONFIG", config)
	return dir
}

func describeSources(sources []archive.Source) string {
	var b strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&b, "%s %v", s.Name, s.URLs)
		for _, suite := range s.Suites {
			fmt.Fprintf(&b, " %s%v", suite.Name, suite.Components)
		}
		fmt.Fprintf(&b, " %v keys:%d valid-until:%t", s.Architectures, len(s.Keys.Keys), s.CheckValidUntil)
		if !s.CheckDates {
			b.WriteString(" no dates")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestHostSources(t *testing.T) {
	key := debiantest.NewKey("host")
	armored := string(key.Armored())
	folded := " " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(armored), "\n\n", "\n.\n"), "\n", "\n ")
	trusted := map[string]string{"trusted.gpg.d/a.asc": armored}
	with := func(name, text string) map[string]string {
		return map[string]string{name: text, "trusted.gpg.d/a.asc": armored}
	}
	for name, c := range map[string]struct {
		conf  string
		files map[string]string
		want  string // the sources, or the beginning of the error after "error: "
	}{
		"one-line": {files: with("sources.list", "# comment\ndeb http://h/debian bookworm main contrib # more\ndeb-src http://h/debian bookworm main\n\ndeb http://h/debian/ bookworm-updates main\n"),
			want: "debian [http://h/debian] bookworm[main contrib] bookworm-updates[main] [amd64] keys:1 valid-until:true\n"},
		"one-line options": {files: with("sources.list.d/x.list", "deb [arch=amd64,arm64 check-valid-until=no] https://h/a/ubuntu noble main"),
			want: "ubuntu [https://h/a/ubuntu] noble[main] [amd64 arm64] keys:1 valid-until:false\n"},
		"deb822": {files: with("sources.list.d/x.sources", "Types: deb deb-src\nURIs: http://h/debian http://i/debian\nSuites: s t\nComponents: main\n non-free\nSigned-By:\n"+folded+"\n\nEnabled: no\nTypes: deb\nURIs: http://off\nSuites: s\nComponents: main\n"),
			want: "debian [http://h/debian http://i/debian] s[main non-free] t[main non-free] [amd64] keys:1 valid-until:true\n"},
		"flat":            {files: with("sources.list", "deb http://h/flat ./\ndeb http://h/flat2 /\n"), want: "flat [http://h/flat] ./[] [amd64] keys:1 valid-until:true\nflat2 [http://h/flat2] /[] [amd64] keys:1 valid-until:true\n"},
		"same name":       {files: with("sources.list", "deb http://h/debian a main\ndeb http://i/debian a main\n"), want: "debian [http://h/debian] a[main] [amd64] keys:1 valid-until:true\ndebian-2 [http://i/debian] a[main] [amd64] keys:1 valid-until:true\n"},
		"host as name":    {files: with("sources.list", "deb http://deb.example.org/ a main\n"), want: "deb.example.org [http://deb.example.org] a[main] [amd64] keys:1 valid-until:true\n"},
		"variable":        {files: with("sources.list", "deb http://h/x ./$(ARCH)/\n"), want: "x [http://h/x] ./amd64/[] [amd64] keys:1 valid-until:true\n"},
		"file":            {files: with("sources.list", "deb file:/srv/x ./\n"), want: "x [file:///srv/x] ./[] [amd64] keys:1 valid-until:true\n"},
		"cdrom":           {files: with("sources.list", "deb cdrom:[Debian GNU/Linux]/ bookworm main\ndeb http://h/x a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:true\n"},
		"never expires":   {conf: "Acquire::Check-Valid-Until \"false\";", files: with("sources.list", "deb http://h/x a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:false\n"},
		"no dates":        {conf: "Acquire::Check-Date \"false\";", files: with("sources.list", "deb http://h/x a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:true no dates\n"},
		"no dates of one": {files: with("sources.list", "deb [check-date=no] http://h/x a main\ndeb [check-date=yes] http://h/y a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:true no dates\ny [http://h/y] a[main] [amd64] keys:1 valid-until:true\n"},
		"dates after all": {conf: "Acquire::Check-Date \"false\"; Acquire::Check-Valid-Until \"false\";", files: with("sources.list", "deb [check-date=on check-valid-until=1] http://h/x a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:true\n"},
		"apt's words":     {files: with("sources.list.d/x.sources", "Types: deb\nURIs: http://h/x\nSuites: a\nComponents: main\nCheck-Date: False\nCheck-Valid-Until: disable\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:false no dates\n"},
		"trusted=true":    {files: with("sources.list", "deb [trusted=true] http://h/x a main\n"), want: "error: %s/etc/apt/sources.list:1: trusted=yes"},
		"mirror list":     {files: map[string]string{"sources.list": "deb mirror+file:LIST a main\n", "list": "# mirrors\nhttp://h/debian\nhttp://i/debian\tpriority:2\n", "trusted.gpg.d/a.asc": armored}, want: "debian [http://h/debian http://i/debian] a[main] [amd64] keys:1 valid-until:true\n"},
		"password":        {files: with("sources.list", "deb http://u:secret@h/x a main\n"), want: "error: %s/etc/apt/sources.list:1: \"http://u:xxxxx@h/x\""},
		"arch twice":      {files: with("sources.list", "deb [arch=amd64,amd64] http://h/x a main\n"), want: "x [http://h/x] a[main] [amd64] keys:1 valid-until:true\n"},
		"none":            {files: trusted, want: "error: this machine has no apt sources"},
		"trusted=yes":     {files: with("sources.list", "deb [trusted=yes] http://h/x a main\n"), want: "error: %s/etc/apt/sources.list:1: trusted=yes"},
		"missing keyring": {files: with("sources.list", "deb [signed-by=/nonexistent.gpg] http://h/x a main\n"), want: "error: %s/etc/apt/sources.list:1: keyring: open /nonexistent.gpg"},
		"other scheme":    {files: with("sources.list", "deb tor+http://h/x a main\n"), want: "error: %s/etc/apt/sources.list:1: \"tor+http://h/x\""},
		"not a source":    {files: with("sources.list", "\ndep http://h/x a main\n"), want: "error: %s/etc/apt/sources.list: line 2: \"dep\""},
		"no keys":         {files: map[string]string{"sources.list": "deb http://h/x a main\n"}, want: "error: %s/etc/apt/sources.list:1: no keys in"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := aptHost(t, c.conf, c.files)
			sources, err := Sources(context.Background(), debiantest.Quiet)
			if want, wantsError := strings.CutPrefix(c.want, "error: "); wantsError {
				if strings.Contains(want, "%s") {
					want = fmt.Sprintf(want, dir)
				}
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Fatalf("got %v, want %s", err, want)
				}
				return
			}
			if got := describeSources(sources); err != nil || got != c.want {
				t.Fatalf("%v\ngot  %swant %s", err, got, c.want)
			}
		})
	}
}

func TestHostFingerprint(t *testing.T) {
	one, two := debiantest.NewKey("one"), debiantest.NewKey("two")
	aptHost(t, "", map[string]string{
		"trusted.gpg.d/a.asc": string(one.Armored()), "trusted.gpg.d/b.gpg": string(two.Binary()), "trusted.gpg.d/c.gpg": "rubbish",
		"sources.list.d/x.sources": "Types: deb\nURIs: http://h/x\nSuites: a\nComponents: main\nSigned-By: " + two.Fingerprint() + "\n"})
	sources, err := Sources(context.Background(), debiantest.Quiet)
	if err != nil || len(sources[0].Keys.Keys) != 1 {
		t.Fatal(describeSources(sources), err)
	}
}

func FuzzSources(f *testing.F) {
	f.Add([]byte("deb [arch=amd64] http://h/debian bookworm main # x\n"))
	f.Add([]byte("Types: deb\nURIs: http://h\nSuites: a\nComponents: main\nSigned-By:\n -----BEGIN\n .\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		config := aptConfig{architecture: "amd64", trustedParts: t.TempDir()}
		for _, parse := range []func([]byte) ([]aptEntry, error){parseSourcesList, parseSourcesFile} {
			entries, err := parse(data)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if len(e.uris) == 0 || len(e.suites) == 0 {
					t.Fatalf("an entry without address or suite: %+v", e)
				}
				e.signedBy = ""
				_, _ = config.source(e, func() (openpgp.Keyring, error) { return openpgp.Keyring{}, nil })
			}
		}
	})
}
