package chart

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// TestNotes holds what helm prints after an installation: the client's next command, with an address that leads
// to the mirror.
func TestNotes(t *testing.T) {
	for _, test := range []struct {
		name, values  string
		says, saysNot []string
	}{
		{"cluster address", ``, []string{"curl -fsS http://site-minimirror.site.svc/minimirror.sources -o", "apt-get update", "helm test -n site site"}, []string{"signing key"}},
		{"another port", `{service: {port: 8080}}`, []string{"http://site-minimirror.site.svc:8080/minimirror.sources"}, nil},
		{"TLS", `{tls: {existingSecret: tls}}`, []string{"https://site-minimirror.site.svc/minimirror.sources"}, nil},
		{"node port", `{service: {type: NodePort}}`, []string{"PORT=$(kubectl get service -n site site-minimirror", "MIRROR=http://$NODE:$PORT", "curl -fsS $MIRROR/minimirror.sources"}, nil},
		{"load balancer", `{service: {type: LoadBalancer}, tls: {existingSecret: tls}}`, []string{"MIRROR=https://$HOST:443", "curl -fsS $MIRROR/minimirror.sources"}, nil},
		{"ingress", `{ingress: {enabled: true, hosts: [mirror.example.org], tls: {enabled: true}}}`, []string{"https://mirror.example.org/minimirror.sources"}, nil},
		{"daemonset", `{mode: daemonset}`, []string{"A machine that is a node becomes", "http://127.0.0.1:8080/minimirror.sources"}, nil},
		{"rules without a key", `{rules: {text: "default: deny"}}`, []string{"signingKey.value=FILE"}, nil},
		{"rules with a key", `{rules: {text: "default: deny"}, signingKey: {existingSecret: key}}`, nil, []string{"signingKey"}},
		{"no test", `{passwords: {existingSecret: a}}`, nil, []string{"helm test"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var values map[string]any
			if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
				t.Fatal(err)
			}
			chart, err := loader.Load(chartFolder)
			if err != nil {
				t.Fatal(err)
			}
			all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "site", Namespace: "site", Revision: 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			files, err := engine.Render(chart, all)
			if err != nil {
				t.Fatal(err)
			}
			notes := files["minimirror/templates/NOTES.txt"]
			for _, words := range test.says {
				if !strings.Contains(notes, words) {
					t.Errorf("the notes have no %q:\n%s", words, notes)
				}
			}
			for _, words := range test.saysNot {
				if strings.Contains(notes, words) {
					t.Errorf("the notes have %q:\n%s", words, notes)
				}
			}
			if strings.Contains(notes, "\n\n\n") || strings.Contains(notes, "{{") {
				t.Errorf("the notes have empty lines:\n%s", notes)
			}
		})
	}
}
