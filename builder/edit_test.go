package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds"
)

// TestEditsTogether edits one definition from several places at once: nothing gets lost, and a link to the file stays one.
func TestEditsTogether(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, []byte("name: a\ndebian:\n  sources: host\n  packages:\n    - x # first\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, DefinitionFile)
	if err := os.Symlink("site.yaml", link); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := EditDefinition(context.Background(), dir, kinds.All(), Edit{Kind: "debian", Add: []string{fmt.Sprintf("p%d", i)}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	data, err := os.ReadFile(file)
	if err != nil || strings.Count(string(data), "\n    - ") != 21 || !strings.Contains(string(data), "- x # first\n") {
		t.Errorf("%v\n%s", err, data)
	}
}

// TestEditWaits gives up with the context while another edit is under way.
func TestEditWaits(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, DefinitionFile), []byte("name: a\ndebian:\n  sources: host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockFolder(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := EditDefinition(ctx, dir, kinds.All(), Edit{Kind: "debian", Add: []string{"x"}}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
