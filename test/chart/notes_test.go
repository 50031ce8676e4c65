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
		{"cluster address", ``, []string{"http://site-minimirror.site.svc for pods", "HOST=$(kubectl get service -n site site-minimirror", "MIRROR=http://$HOST; echo", "curl -fsS $MIRROR/minimirror.sources -o", "apt-get update", "helm test -n site site"}, []string{"signing key", "site.pem", "login"}},
		{"another port", `{service: {port: 8080}}`, []string{"http://site-minimirror.site.svc:8080 for pods", "MIRROR=http://$HOST:8080;"}, nil},
		{"fixed address", `{service: {clusterIP: 10.96.0.80}}`, []string{"curl -fsS http://10.96.0.80/minimirror.sources -o"}, []string{"MIRROR", "kubectl"}},
		{"fixed address of six", `{service: {clusterIP: "fd00::80", port: 81}}`, []string{"curl -fsS http://[fd00::80]:81/minimirror.sources -o"}, nil},
		{"TLS", `{tls: {existingSecret: tls}, service: {clusterIP: 10.96.0.80}}`, []string{
			`echo 'Acquire::https::10.96.0.80 { CAInfo "/etc/apt/site.pem"; };' >`, "download-file https://10.96.0.80/minimirror.sources", "site.pem is"}, []string{"curl", "client.pem"}},
		{"certificates of clients", `{tls: {existingSecret: tls, clientAuthority: ca}}`, []string{`Acquire::https::MIRROR { CAInfo "/etc/apt/site.pem"; SslCert "/etc/apt/client.pem"; SslKey "/etc/apt/client.key"; };`, "MIRROR is the host"}, []string{"curl", "helm test"}},
		{"passwords", `{passwords: {existingSecret: a}, service: {type: NodePort}}`, []string{"'machine http://MIRROR login NAME password PASSWORD'", "download-file $MIRROR/minimirror.sources", "MIRROR is the host"}, []string{"curl", "CAInfo"}},
		{"node port", `{service: {type: NodePort}}`, []string{"PORT=$(kubectl get service -n site site-minimirror", "MIRROR=http://$NODE:$PORT", "curl -fsS $MIRROR/minimirror.sources"}, nil},
		{"load balancer", `{service: {type: LoadBalancer}, tls: {existingSecret: tls}}`, []string{"MIRROR=https://$HOST;", "download-file $MIRROR/minimirror.sources"}, nil},
		{"ingress to TLS", `{ingress: {enabled: true, hosts: ["*.example.org"]}, tls: {existingSecret: tls}}`, []string{"curl -fsS http://NAME.example.org/minimirror.sources"}, []string{"CAInfo", "MIRROR"}},
		{"ingress", `{ingress: {enabled: true, hosts: [mirror.example.org], tls: {enabled: true}}}`, []string{"https://mirror.example.org/minimirror.sources"}, nil},
		{"daemonset", `{mode: daemonset}`, []string{"A machine that is a node becomes", "http://127.0.0.1:8080/minimirror.sources"}, nil},
		{"rules without a key", `{rules: {text: "default: deny"}}`, []string{"signingKey.value=FILE"}, nil},
		{"rules with a key", `{rules: {text: "default: deny"}, signingKey: {existingSecret: key}}`, nil, []string{"signingKey"}},
		{"several systems", `{systems: [bookworm, trixie], service: {clusterIP: 10.96.0.80}}`, []string{
			"with:\n\n  . /etc/os-release\n  curl -fsS \"http://10.96.0.80/minimirror.sources?codename=$VERSION_CODENAME\" -o /etc/apt/sources.list.d/minimirror.sources\n  apt-get update\n",
			"download-file \"http://10.96.0.80/minimirror.sources?codename=$VERSION_CODENAME\" /etc",
			"The mirror is for bookworm, trixie.", "\n\n  http://10.96.0.80/bookworm.sources\n  http://10.96.0.80/trixie.sources\n\n"}, nil},
		{"several systems and TLS", `{systems: [bookworm, trixie], tls: {existingSecret: tls}, service: {clusterIP: 10.96.0.80}}`, []string{
			"80minimirror\n  . /etc/os-release\n  /usr/lib/apt/apt-helper download-file \"https://10.96.0.80/minimirror.sources?codename=$VERSION_CODENAME\" /etc", "https://10.96.0.80/trixie.sources\n"}, []string{"curl"}},
		{"values of before", `{systems: null}`, []string{"curl -fsS $MIRROR/minimirror.sources -o"}, []string{"codename"}},
		{"no test", `{passwords: {existingSecret: a}}`, nil, []string{"helm test"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var values map[string]any
			for _, text := range []string{anImage, test.values} {
				if err := yaml.Unmarshal([]byte(text), &values); err != nil {
					t.Fatal(err)
				}
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
