package imagelist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/strictyaml"
)

// Section is the images section of a definition that carries what is in the list: YAML. Names that state a tag and a digest keep both.
func (l *List) Section() string {
	var b strings.Builder
	b.WriteString("images:\n")
	registry := ""
	for i := range l.Images {
		image := &l.Images[i]
		if image.Registry != registry {
			registry = image.Registry
			fmt.Fprintf(&b, "  - name: %s\n    take:\n", strictyaml.Quote(registry))
		}
		fmt.Fprintf(&b, "      - %s\n", strictyaml.Quote(image.InRegistry()))
	}
	return b.String()
}

// maxWarnings is how many texts of one kind are named before they are counted.
const maxWarnings = 20

// Warnings say what may be missing or wrong in the list, in a line each.
func (l *List) Warnings() (all []string) {
	for i, s := range l.Skipped {
		same := func(o Skipped) bool { return o.Text == s.Text && o.File == s.File }
		switch {
		case slices.IndexFunc(l.Skipped, same) < i:
			continue // named already
		case len(all) == maxWarnings:
			all = append(all, fmt.Sprintf("%d others are not in the list, either; --format json names them", len(l.Skipped)-i))
		}
		if len(all) > maxWarnings {
			break
		}
		all = append(all, fmt.Sprintf("%s: %q is not in the list: %s", s.Place, short(s.Text), s.Reason))
	}
	for _, i := range l.Images {
		if i.Unstated {
			all = append(all, fmt.Sprintf("%s: %s/%s states no tag: it means latest, which moves", i.Places[0], i.Registry, i.Repository))
		}
		if i.Guessed {
			all = append(all, fmt.Sprintf("%s: the tag of %s is a guess: it is the chart's appVersion, which a template may write in another way, such as v%s", i.Places[0], &i, i.Tag))
		}
	}
	return all
}
