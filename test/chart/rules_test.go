package chart

import (
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	core "k8s.io/api/core/v1"
	machinery "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// A site is a cluster with one release, of which only the file of rules is kept.
type site struct {
	*testing.T
	revision int
	rules    *core.ConfigMap // in the cluster
}

// GetClientFor implements engine.ClientProvider.
func (s *site) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	var objects []runtime.Object
	if s.rules != nil {
		objects = append(objects, s.rules)
	}
	if apiVersion != "v1" || kind != "ConfigMap" {
		s.Errorf("the chart looks up %s %s", apiVersion, kind)
	}
	return fake.NewSimpleDynamicClient(scheme.Scheme, objects...).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}), true, nil
}

// files are what the templates make of values, by helm's own engine.
func (s *site) files(values map[string]any) (map[string]string, error) {
	s.Helper()
	chart, err := loader.Load(chartFolder)
	if err != nil {
		s.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "site", Namespace: "site", Revision: s.revision + 1}, nil)
	if err != nil {
		s.Fatal(err)
	}
	return engine.RenderWithClientProvider(chart, all, s)
}

// render is what a next upgrade would put into the cluster.
func (s *site) render(rules map[string]any) (*core.ConfigMap, error) {
	s.Helper()
	files, err := s.files(map[string]any{"rules": rules})
	if err != nil {
		return nil, err
	}
	m := find[*core.ConfigMap](s.T, decode(s.T, files["minimirror/templates/configmap.yaml"]), "-rules")
	m.TypeMeta = machinery.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
	return m, nil
}

// upgrade is "helm upgrade", and returns the date of the rules.
func (s *site) upgrade(rules map[string]any) time.Time {
	s.Helper()
	m, err := s.render(rules)
	if err != nil {
		s.Fatal(err)
	}
	s.revision++
	s.rules = m
	return date(s.T, m)
}

func date(t *testing.T, m *core.ConfigMap) time.Time {
	t.Helper()
	var rules struct{ Date string }
	if err := yaml.Unmarshal([]byte(m.Data["rules.yaml"]), &rules); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, rules.Date)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDateOfRules(t *testing.T) {
	const deny = "rules:\n  - deny: { package: telnet }\n"
	one, two := map[string]any{"text": "default: allow\n"}, map[string]any{"text": deny}
	s := &site{T: t}
	began := time.Now().Truncate(time.Second)

	first := s.upgrade(one)
	if first.Before(began) || first.After(time.Now()) {
		t.Errorf("the first rules are of %s", first)
	}
	if again := s.upgrade(one); !again.Equal(first) {
		t.Errorf("the same rules: %s, then %s", first, again)
	}
	installed := s.rules
	changed := s.upgrade(two)
	if changed.Sub(first) < 2*time.Second {
		t.Errorf("other rules: %s, then %s", first, changed)
	}
	if text := s.rules.Data["rules.yaml"]; !strings.HasPrefix(text, deny) {
		t.Errorf("lines have moved:\n%s", text)
	}
	if again := s.upgrade(two); !again.Equal(changed) {
		t.Errorf("the same rules: %s, then %s", changed, again)
	}

	// "helm rollback" applies the manifests of a revision as they were.
	s.revision, s.rules = s.revision+1, installed
	if healed := s.upgrade(one); !healed.After(first) {
		t.Errorf("the upgrade after a rollback keeps %s", healed)
	} else if again := s.upgrade(one); !again.Equal(healed) {
		t.Errorf("and then %s", again)
	}

	// A clock that is ahead of this one, and a hand in the cluster.
	s.rules.Data["rules.yaml"] = "default: deny\ndate: 2099-01-01T00:00:00Z\n"
	if after := s.upgrade(one); after.Year() != 2099 || after.Second() != 2 {
		t.Errorf("after 2099-01-01T00:00:00Z: %s", after)
	}
}

func TestDateThatIsGiven(t *testing.T) {
	s := &site{T: t}
	with := func(date string) map[string]any { return map[string]any{"text": "default: allow\n", "date": date} }
	given := s.upgrade(with("2026-11-21T10:00:00Z"))
	if given.Format(time.RFC3339) != "2026-11-21T10:00:00Z" {
		t.Errorf("got %s", given)
	}
	if kept := s.upgrade(map[string]any{"text": "default: allow\n"}); !kept.Equal(given) {
		t.Errorf("without it the same rules are of %s", kept)
	}
	s.upgrade(with("2026-11-21T10:00:01Z"))
	if _, err := s.render(with("2026-11-21T10:00:00Z")); err == nil || !strings.Contains(err.Error(), "is earlier than the 2026-11-21T10:00:01Z") {
		t.Errorf("back in time: %v", err)
	}
	own := s.upgrade(map[string]any{"text": "date: 2026-11-22T10:00:00Z\ndefault: allow\n"})
	if own.Day() != 22 || strings.Count(s.rules.Data["rules.yaml"], "date:") != 1 {
		t.Errorf("a date of its own:\n%s", s.rules.Data["rules.yaml"])
	}
}

// TestAwkwardRules: the cluster gets what the file says, byte by byte, with the date behind it, and finds it unchanged.
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
		"indented list":        "rules:\n- deny:\n    package: |\n      telnet\n  # odd\ndefault: deny\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{T: t}
			first := s.upgrade(map[string]any{"text": text})
			want := strings.TrimSuffix(text, "\n") + "\ndate: \"" + first.Format(time.RFC3339) + "\"\n"
			if got := s.rules.Data["rules.yaml"]; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if again := s.upgrade(map[string]any{"text": strings.ReplaceAll(text, "\n", "\r\n")}); !again.Equal(first) {
				t.Errorf("the same rules with other ends of lines: %s, then %s", first, again)
			}
		})
	}
}
