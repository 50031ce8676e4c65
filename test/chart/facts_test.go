package chart

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/jsonpath"
)

// TestFacts holds what single values do: each fact is a kind and a JSON path, which gives the text behind the "=". The
// path "-" means the object itself, which is there or not.
func TestFacts(t *testing.T) {
	const spec = ".spec.template.spec"
	for _, test := range []struct {
		name, values string
		facts        []string
	}{
		{"defaults", ``, []string{
			"Deployment .spec.replicas=2",
			"Deployment .spec.strategy.rollingUpdate.maxUnavailable=0",
			"Deployment .spec.strategy.rollingUpdate.maxSurge=1",
			"Deployment " + spec + ".terminationGracePeriodSeconds=135",
			"Deployment " + spec + ".containers[0].lifecycle.preStop.sleep.seconds=10",
			"Deployment " + spec + ".containers[0].imagePullPolicy=IfNotPresent",
			"Deployment " + spec + ".affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=kubernetes.io/hostname",
			"Deployment " + spec + ".topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
			"Deployment " + spec + ".topologySpreadConstraints[0].matchLabelKeys=[\"pod-template-hash\"]",
			"PodDisruptionBudget .spec.maxUnavailable=1",
			"Service .spec.type=ClusterIP",
			"Service .spec.ports[0].port=80",
			"Service .spec.sessionAffinity=ClientIP",
			"Ingress -=absent", "NetworkPolicy -=absent", "ServiceMonitor -=absent", "HorizontalPodAutoscaler -=absent", "DaemonSet -=absent", "Secret -=absent",
			"Pod .spec.containers[0].command=[\"/minimirror\",\"healthcheck\"]",
			"Pod .spec.containers[0].args=[\"--deep\",\"--address=http://site-minimirror.site.svc\"]",
		}},
		{"digest before tag", `{image: {repository: registry.example.org/a, tag: "2", digest: "sha256:` + digest + `", pullSecrets: [s]}}`, []string{
			"Deployment " + spec + ".containers[0].image=registry.example.org/a@sha256:" + digest,
			"Deployment " + spec + ".imagePullSecrets[0].name=s",
			"Pod .spec.containers[0].image=registry.example.org/a@sha256:" + digest,
		}},
		{"autoscaling decides the number", `{autoscaling: {enabled: true, maxReplicas: 9}}`, []string{
			"Deployment .spec.replicas=", "HorizontalPodAutoscaler .spec.maxReplicas=9", "HorizontalPodAutoscaler .spec.scaleTargetRef.name=site-minimirror",
		}},
		{"daemonset", `{mode: daemonset, daemonset: {hostPort: 3142, hostIP: 127.0.0.1}}`, []string{
			"Deployment -=absent", "PodDisruptionBudget -=absent",
			"DaemonSet " + spec + ".containers[0].ports[0].hostPort=3142",
			"DaemonSet " + spec + ".containers[0].ports[0].hostIP=127.0.0.1",
			"DaemonSet " + spec + ".affinity=", "DaemonSet " + spec + ".topologySpreadConstraints=",
			"Service .spec.internalTrafficPolicy=Local",
		}},
		{"hard anti-affinity", `{podAntiAffinity: hard, topologySpread: []}`, []string{
			"Deployment " + spec + ".affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey=kubernetes.io/hostname",
			"Deployment " + spec + ".topologySpreadConstraints=",
		}},
		{"node port", `{service: {type: NodePort, nodePort: 30080, externalTrafficPolicy: Local}}`, []string{
			"Service .spec.ports[0].nodePort=30080", "Service .spec.externalTrafficPolicy=Local",
		}},
		{"ingress", `{ingress: {enabled: true, className: nginx, hosts: [a.example.org, b.example.org], tls: {enabled: true, secretName: s}}}`, []string{
			"Ingress .spec.ingressClassName=nginx", "Ingress .spec.rules[1].host=b.example.org",
			"Ingress .spec.tls[0].hosts=[\"a.example.org\",\"b.example.org\"]", "Ingress .spec.tls[0].secretName=s",
			"Ingress .spec.rules[0].http.paths[0].path=/",
		}},
		{"network policy", `{networkPolicy: {enabled: true, from: [{ipBlock: {cidr: 10.0.0.0/8}}]}}`, []string{
			"NetworkPolicy .spec.policyTypes=[\"Ingress\",\"Egress\"]", "NetworkPolicy .spec.egress=",
			"NetworkPolicy .spec.ingress[0].ports[0].port=mirror",
			"NetworkPolicy .spec.ingress[0].from[0].ipBlock.cidr=10.0.0.0/8",
			"NetworkPolicy .spec.ingress[0].from[1].podSelector.matchLabels.app\\.kubernetes\\.io/component=test",
			"NetworkPolicy .spec.ingress[1]=",
		}},
		{"image that stays in its registry", `{image: {mode: registry, repository: registry.example.org/a, digest: "sha256:` + digest + `"}, registry: {program: {repository: registry.example.org/p, tag: v1}, cacheGiB: 20, existingSecret: s, existingAuthority: ca}, networkPolicy: {enabled: true, registry: [{ipBlock: {cidr: 10.0.0.7/32}}]}}`, []string{
			"Deployment " + spec + ".containers[0].image=registry.example.org/p:v1",
			"Pod .spec.containers[0].image=registry.example.org/p:v1",
			"Deployment " + spec + ".containers[0].args[5]=--image=docker://registry.example.org/a@sha256:" + digest,
			"Deployment " + spec + ".containers[0].args[6]=--cache=/var/cache/minimirror",
			"Deployment " + spec + ".containers[0].args[7]=--cache-size=20G",
			"Deployment " + spec + ".containers[0].args[8]=--registry-ca=/etc/minimirror/registry-authority/ca.crt",
			"Deployment " + spec + ".containers[0].env[1].value=/etc/minimirror/registry/config.json",
			"Deployment " + spec + ".volumes[1].emptyDir.sizeLimit=21Gi",
			"Deployment " + spec + ".volumes[2].secret.items[0].key=.dockerconfigjson",
			"NetworkPolicy .spec.egress[0].ports[0].port=53",
			"NetworkPolicy .spec.egress[1].to[0].ipBlock.cidr=10.0.0.7/32",
		}},
		{"keys of an image that stays in its registry", `{image: {mode: registry, repository: registry.example.org/a}, registry: {program: {tag: v1}, verifyKeys: ["-----BEGIN PUBLIC KEY-----\nMCow", "-----BEGIN PUBLIC KEY-----\nMCox"]}}`, []string{
			"Deployment " + spec + ".containers[0].args[8]=--verify-key=/etc/minimirror/verify-key/image-1.pub",
			"Deployment " + spec + ".containers[0].args[9]=--verify-key=/etc/minimirror/verify-key/image-2.pub",
			"Deployment " + spec + ".containers[0].volumeMounts[2].mountPath=/etc/minimirror/verify-key",
			"Deployment " + spec + ".volumes[2].configMap.name=site-minimirror-verify-key",
			"Deployment " + spec + ".volumes[2].configMap.items[1].path=image-2.pub",
			"Deployment .spec.template.metadata.annotations.checksum/verify-key=810d8a42af83169eedb8fe7c6a61a2cf921ca434c87c953a282b3c38fadef1ad",
		}},
		{"key of others of an image that stays in its registry", `{image: {mode: registry, repository: registry.example.org/a}, registry: {program: {tag: v1}, existingVerifyKey: site}}`, []string{
			"Deployment " + spec + ".containers[0].args[8]=--verify-key=/etc/minimirror/verify-key/image.pub",
			"Deployment " + spec + ".volumes[2].configMap.name=site",
			"Deployment " + spec + ".volumes[2].configMap.items[0].key=image.pub",
		}},
		{"TLS", `{tls: {existingSecret: s}}`, []string{
			"Service .spec.ports[0].port=443", "Service .spec.ports[0].name=https",
			"Pod .spec.containers[0].args[1]=--address=https://site-minimirror.site.svc",
			"Pod .spec.containers[0].env[0].value=/etc/minimirror/tls/tls.crt",
		}},
		{"no test where it would fail", `{tls: {existingSecret: s, clientAuthority: ca}}`, []string{"Pod -=absent"}},
		{"memory", `{resources: {limits: {memory: 2Gi}}}`, []string{
			"Deployment " + spec + ".containers[0].env[0].valueFrom.resourceFieldRef.resource=limits.memory",
		}},
		{"no user", `{security: {runAsUser: null, runAsGroup: null}}`, []string{
			"Deployment " + spec + ".securityContext.runAsUser=", "Deployment " + spec + ".securityContext.fsGroup=",
		}},
		{"large numbers", `{security: {runAsUser: 2147483647}, server: {maxConnections: 100000000}}`, []string{
			"Deployment " + spec + ".securityContext.runAsUser=2147483647", "Deployment " + spec + ".containers[0].args[5]=--max-connections=100000000",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			manifests, err := template(t, "site", test.values)
			if err != nil {
				t.Fatal(err)
			}
			objects := map[string]any{}
			for _, o := range decode(t, manifests) {
				content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
				if err != nil {
					t.Fatal(err)
				}
				objects[o.GetObjectKind().GroupVersionKind().Kind] = content
			}
			for _, fact := range test.facts {
				kind, rest, _ := strings.Cut(fact, " ")
				path, want, _ := strings.Cut(rest, "=")
				got := "absent"
				if object, found := objects[kind]; found {
					got = at(t, object, path)
				}
				if got != want {
					t.Errorf("%s: got %q", fact, got)
				}
			}
		})
	}
}

// at is what an object has at a path, as text; what is more than a word is JSON.
func at(t *testing.T, object any, path string) string {
	t.Helper()
	if path == "-" {
		return "there"
	}
	p := jsonpath.New("").AllowMissingKeys(true)
	if err := p.Parse("{" + path + "}"); err != nil {
		t.Fatal(err)
	}
	found, err := p.FindResults(object)
	if err != nil || len(found) == 0 || len(found[0]) == 0 {
		return ""
	}
	value := found[0][0].Interface()
	if text, ok := value.(string); ok {
		return text
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.Replace(string(data), "[]", "", 1))
}

// TestRestarts: other rules restart no pod, another key and another image do.
func TestRestarts(t *testing.T) {
	const key = `signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\none"}`
	pods := func(values string) string {
		manifests, err := template(t, "site", values)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(onlyWorkload(t, decode(t, manifests)).template)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before := pods(`{` + key + `}`)
	for values, restart := range map[string]bool{
		`{` + key + `}`: false,
		`{` + key + `, rules: {text: "default: deny"}}`:                                                                                   false,
		`{` + key + `, service: {type: NodePort}, commonAnnotations: {a: b}}`:                                                             false,
		`{signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\ntwo"}}`:                                                             true,
		`{signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\none", moreValues: ["-----BEGIN PGP PRIVATE KEY BLOCK-----\ntwo"]}}`: true,
		`{` + key + `, image: {tag: "2"}}`:                                                                                                true,
	} {
		if got := pods(values) != before; got != restart {
			t.Errorf("%s: pods restart: %t", values, got)
		}
	}
}

// TestSigningKeys gives the server each private key, out of the Secret that has it.
func TestSigningKeys(t *testing.T) {
	for values, want := range map[string][]string{
		`{signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\none"}}`:                                                             {"signing-key.asc"},
		`{signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\none", moreValues: ["-----BEGIN PGP PRIVATE KEY BLOCK-----\ntwo"]}}`: {"signing-key.asc", "signing-key-2.asc"},
		`{signingKey: {existingSecret: site, key: old.asc, moreKeys: [new.asc]}}`:                                                         {"old.asc", "new.asc"},
	} {
		manifests, err := template(t, "site", values)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range want {
			for _, part := range []string{"--sign-key=/etc/minimirror/signing-key/" + file + "\"", "{ key: \"" + file + "\", path: \"" + file + "\" }"} {
				if !strings.Contains(manifests, part) {
					t.Errorf("%s: no %s in\n%s", values, part, manifests)
				}
			}
			if strings.Contains(values, "value:") && !strings.Contains(manifests, "\n  "+file+": ") {
				t.Errorf("%s: the Secret has no %s:\n%s", values, file, manifests)
			}
		}
		if n := strings.Count(manifests, "--sign-key="); n != len(want) {
			t.Errorf("%s: %d keys", values, n)
		}
	}
}
