package bundle

import (
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// verdict is what is wrong with parts that are needed; nil: nothing.
func (im *Importer) verdict() error {
	var lines []string
	var numbers []int
	bad := false
	for _, p := range im.imported.Parts {
		switch p.Status {
		case Bad:
			bad = true
			lines = append(lines, fmt.Sprintf("%s (%s): %s", p.Name, p.Medium, firstLine(p.Err)))
		case Missing:
			line := p.Name + ": missing"
			if p.Err != nil { // it was tried to restore it
				line += ", " + firstLine(p.Err)
			}
			lines = append(lines, line)
		default:
			continue
		}
		numbers = append(numbers, p.Number)
	}
	if lines == nil {
		return nil
	}
	if im.beyond != "" {
		lines = append(lines, im.beyond)
	}
	most := 50
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", more))
	}
	err := fmt.Errorf("%d of %s missing or bad, so nothing is visible at the destination yet:\n  %s", len(numbers), counted(len(im.plan.Parts), "part"), strings.Join(lines, "\n  "))
	if bad {
		err = artifact.Verifyf("%w", err)
	}
	return artifact.Hint(err, "bring these parts and run the same command again, which goes on from here; to export them alone: --parts %s", ranges(numbers))
}

// firstLine is an error without its hints.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
