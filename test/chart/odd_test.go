package chart

import (
	"maps"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
)

// TestNothing gives null for each value, one after the other: helm then drops the default. What means something without
// its default renders; all else is refused as missing.
func TestNothing(t *testing.T) {
	for _, p := range properties(t) {
		values := "null"
		for _, key := range slices.Backward(p.path) {
			values = "{" + key + ": " + values + "}"
		}
		t.Run(strings.Join(p.path, "."), func(t *testing.T) {
			t.Parallel()
			manifests, err := template(t, "site", "{"+everything+", autoscaling: {enabled: true}}", "--values", valuesIn(t, values))
			switch {
			case err == nil:
				decode(t, manifests)
			case !strings.Contains(err.Error(), "missing property '"+p.path[len(p.path)-1]+"'") &&
				!strings.Contains(err.Error(), "autoscaling needs resources.requests.cpu") && !strings.Contains(err.Error(), "both null"):
				t.Error(err)
			}
		})
	}
}

// TestYAMLWords: names that YAML would take for a number, a switch or nothing stay names.
func TestYAMLWords(t *testing.T) {
	for _, word := range []string{"null", "true", "123", "1e3", "0x1"} {
		override := "fullnameOverride: \"" + word + "\", "
		if word[0] < 'a' {
			override = ""
		}
		q := "\"" + word + "\""
		manifests, err := template(t, word, `{`+override+`image: {repository: `+q+`, tag: `+q+`, pullSecrets: [`+q+`]},
			rules: {existingConfigMap: `+q+`}, signingKey: {existingSecret: `+q+`, key: `+q+`}, tls: {existingSecret: `+q+`, clientAuthority: `+q+`},
			passwords: {existingSecret: `+q+`, key: `+q+`}, ingress: {enabled: true, className: `+q+`, hosts: [a], tls: {enabled: true, secretName: `+q+`}},
			priorityClassName: `+q+`, serviceAccount: {name: `+q+`}, metrics: {serviceMonitor: {enabled: true}}, autoscaling: {enabled: true}}`, "--namespace", word)
		if err != nil {
			t.Errorf("%s: %v", word, err)
			continue
		}
		for _, o := range decode(t, manifests) {
			if m, err := meta.Accessor(o); err != nil || m.GetNamespace() != word || m.GetName() == "" {
				t.Errorf("%s: namespace %q, name %q, %v", word, m.GetNamespace(), m.GetName(), err)
			}
		}
	}
}

// TestPodAlone: the test's pod needs nothing that the release would have to make first, so that a dry run by the API
// server can judge all objects at once.
func TestPodAlone(t *testing.T) {
	manifests, err := template(t, "site", ``)
	if err != nil {
		t.Fatal(err)
	}
	pod := find[*core.Pod](t, decode(t, manifests), "-test")
	if pod.Spec.ServiceAccountName != "" {
		t.Errorf("it asks for the service account %s", pod.Spec.ServiceAccountName)
	}
	if !maps.Equal(pod.Annotations, map[string]string{"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}) {
		t.Errorf("annotations %v", pod.Annotations)
	}
}
