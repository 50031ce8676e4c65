package chart

import (
	"encoding/json"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// TestAwkwardRules: the cluster gets what the file says, byte by byte, but for what is empty at the end.
func TestAwkwardRules(t *testing.T) {
	for name, text := range map[string]string{
		"indented first line":  "  # two spaces before\ndefault: allow\n",
		"empty lines":          "\n\n# nothing\n\ndefault: allow\n\n\n",
		"spaces at the end":    "default: allow   \nrules: []  \n",
		"no end of line":       "default: allow",
		"templates and quotes": "default: allow\nrules:\n  - deny: { package: \"{{ .Values.x }}\", reason: 'it''s \"so\"' }\n",
		"other scripts":        "# Regeln für Größe, 規則, 🙂\ndefault: allow\n",
		"tabs and backslashes": "# a\tb \\n\ndefault: allow\n",
		"separator":            "---\ndefault: allow\n",
		"flow":                 "{default: allow}\n",
		"indented list":        "rules:\n- deny:\n    package: |\n      telnet\n  # odd\ndefault: deny\n",
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.TrimRight(text, " \n") + "\n"
			for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
				values, err := json.Marshal(map[string]any{"rules": map[string]any{"text": text}})
				if err != nil {
					t.Fatal(err)
				}
				manifests, err := template(t, "site", string(values))
				if err != nil {
					t.Fatal(err)
				}
				if got := find[*core.ConfigMap](t, decode(t, manifests), "-rules").Data["rules.yaml"]; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}
