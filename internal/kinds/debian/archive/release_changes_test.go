package archive

import (
	"fmt"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

func TestReleaseChanges(t *testing.T) {
	plain := []string{"Origin: Debian", "Label: Debian", "Suite: stable", "Version: 12.1", "Codename: bookworm", "Components: main"}
	with := func(lines ...string) []string { return append(slices.Clone(plain), lines...) }
	for name, c := range map[string]struct {
		metadata []string
		want     []string
	}{
		"the same":    {plain, nil},
		"Version":     {append([]string{"Version: 12.2"}, slices.Delete(slices.Clone(plain), 3, 4)...), nil},
		"Description": {with("Description: new"), nil},
		"Origin":      {append([]string{"Origin: Other"}, plain[1:]...), []string{"Origin: Debian → Other, true"}},
		"no Origin":   {plain[1:], []string{"Origin: Debian → , true"}},
		"Suite":       {append([]string{"Suite: oldstable"}, slices.Delete(slices.Clone(plain), 2, 3)...), []string{"Suite: stable → oldstable, false"}},
		"several": {[]string{"Origin: Debian", "Label: New", "Codename: trixie"}, []string{
			"Label: Debian → New, true", "Suite: stable → , false", "Codename: bookworm → trixie, true"}},
		"NotAutomatic": {with("NotAutomatic: yes"), []string{"default priority: 500 → 1, true"}},
		"backports":    {with("NotAutomatic: yes", "ButAutomaticUpgrades: yes"), []string{"default priority: 500 → 100, true"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := func(metadata []string) []artifact.Source {
				return []artifact.Source{{Name: "other"}, {Name: "d", Releases: []artifact.Release{{Name: "s", Metadata: metadata}}}}
			}
			var got []string
			for _, c := range ReleaseChanges(source(plain), source(c.metadata)) {
				got = append(got, fmt.Sprintf("%s: %s → %s, %t", c.Field, c.Old, c.New, c.Accept != ""))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if more := ReleaseChanges(nil, source(c.metadata)); more != nil {
				t.Errorf("a first lock changes %v", more)
			}
		})
	}
}
