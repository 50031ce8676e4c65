package builder

import (
	"fmt"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
)

// TestChanges pairs what is in two locks.
func TestChanges(t *testing.T) {
	lock := func(items ...string) *lockfile.Lock {
		l := &lockfile.Lock{}
		for _, text := range items {
			var version, content string
			if _, err := fmt.Sscanf(text, "%s %s", &version, &content); err != nil {
				t.Fatal(err)
			}
			l.Items = append(l.Items, artifact.Item{Kind: "k", Source: "s", Name: "app", Version: version, Key: "app:" + version, Files: []artifact.File{{Path: content, SHA256: content}}})
		}
		return l
	}
	for _, c := range []struct {
		name          string
		before, after *lockfile.Lock
		want          string
	}{
		{"nothing", lock("1 a", "latest a"), lock("1 a", "latest a"), ""},
		{"a version that moves, and a new one that is sorted before it", lock("1 a", "latest a"), lock("1 a", "2 b", "latest b"), "added 2; latest a → latest b; "},
		{"another version", lock("1 a"), lock("2 b"), "1 a → 2 b; "},
		{"both, and one that goes", lock("1 a", "latest a", "old a"), lock("2 b", "latest b"), "1 a → 2 b; latest a → latest b; removed old; "},
	} {
		got := ""
		for _, x := range Changes(c.before, c.after) {
			switch {
			case x.Old == nil:
				got += "added " + x.New.Version + "; "
			case x.New == nil:
				got += "removed " + x.Old.Version + "; "
			default:
				got += fmt.Sprintf("%s %s → %s %s; ", x.Old.Version, x.Old.SHA256, x.New.Version, x.New.SHA256)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
