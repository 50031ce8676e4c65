package aptconf

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// TestPhasedOfTheHost: with "sources: host", apt's own settings hold; the first one before update-manager's.
func TestPhasedOfTheHost(t *testing.T) {
	for text, want := range map[string]archive.PhasedUse{
		"": "",
		`APT::Get::Always-Include-Phased-Updates "yes";`:                                                  archive.PhasedTake,
		`APT::Get::Always-Include-Phased-Updates "false";`:                                                "",
		`Update-Manager::Always-Include-Phased-Updates "true";`:                                           archive.PhasedTake,
		`Update-Manager::Always-Include-Phased-Updates "1"; APT::Get::Always-Include-Phased-Updates "0";`: "",
		`APT::Get::Never-Include-Phased-Updates "true";`:                                                  "",
	} {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"apt.conf": []byte("Dir::Etc \"" + dir + "\";\n" + text + "\n"),
			"sources.list": []byte("deb [signed-by=" + dir + "/key.asc] http://mirror.example.org/debian stable main\n"), "key.asc": debiantest.NewKey("k").Armored()} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("APT_CONFIG", filepath.Join(dir, "apt.conf"))
		sources, err := Sources(context.Background(), debiantest.Quiet)
		if err != nil || len(sources) != 1 || sources[0].Phased != want {
			t.Errorf("%s: %+v, %v", text, sources, err)
		}
	}
}
