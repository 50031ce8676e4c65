package rules_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/rules"
)

// TestGuide parses every example of docs/rules.md, with all kinds, and every row of its table of times.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []rules.Kind
	for _, k := range kinds.All() {
		all = append(all, k)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	for _, e := range examples {
		text := e[1]
		if strings.HasPrefix(text, "  - ") {
			text = "rules:\n" + text
		}
		if _, err := rules.Parse("rules.yaml", []byte(text), all); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	_, times, _ := strings.Cut(string(guide), "## Times")
	windows := regexp.MustCompile("`\"[^`]*\"`").FindAllString(times, -1)
	for _, w := range windows {
		parse(t, "rules: [{deny: {time: "+strings.Trim(w, "`")+"}}]", onlyDebian)
	}
	if len(examples) < 5 || len(windows) < 7 {
		t.Errorf("%d examples and %d times", len(examples), len(windows))
	}
}
