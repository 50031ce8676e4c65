package chart

// matrix are value sets that must render; the name tells what is tried.
var matrix = []struct{ name, values string }{
	{"defaults", ``},
	{"one replica", `{replicas: 1}`},
	{"no replica", `{replicas: 0}`},
	{"image by digest", `{image: {repository: "registry.example.org:5000/site/docker", digest: "sha256:` + digest + `", pullPolicy: Always, pullSecrets: [site, other]}}`},
	{"image loaded on the nodes", `{image: {repository: minimirror, tag: "1", pullPolicy: Never}}`},
	{"long names", `{fullnameOverride: "` + fifty + `"}`},
	{"name override", `{nameOverride: mirror}`},
	{"server flags", `{server: {grace: 600, drain: 30, audit: false, trustedProxies: [10.0.0.0/8, "2001:db8::/32"], maxConnections: 1000000, maxPerClient: 20, extraArgs: ["--idle-timeout=1m", "--pprof"]}}`},
	{"rules", `{rules: {text: "default: deny\nrules:\n  - allow: { package: \"*\", client: 10.0.0.0/8 }"}}`},
	{"rules with a date of their own", `{rules: {text: "date: 2026-11-21T10:00:00Z\ndefault: allow\n"}}`},
	{"rules of others", `{rules: {existingConfigMap: site-rules}}`},
	{"signing key", `{signingKey: {value: "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgE\n-----END PGP PRIVATE KEY BLOCK-----\n"}}`},
	{"signing key of others", `{signingKey: {existingSecret: site, key: key.asc}}`},
	{"TLS", `{tls: {certificate: "-----BEGIN CERTIFICATE-----\n", privateKey: "-----BEGIN PRIVATE KEY-----\n"}}`},
	{"TLS of others", `{tls: {existingSecret: site-tls}, service: {port: 8443}}`},
	{"TLS with client certificates", `{tls: {existingSecret: site-tls, clientAuthority: site-ca}}`},
	{"passwords", `{passwords: {existingSecret: site-passwords}}`},
	{"passwords and a test that knows one", `{passwords: {existingSecret: site-passwords, key: users}, test: {url: "http://a:b@mirror.site.svc"}}`},
	{"node port", `{service: {type: NodePort, nodePort: 30080, externalTrafficPolicy: Local}}`},
	{"node port of the cluster's choice", `{service: {type: NodePort}}`},
	{"load balancer", `{service: {type: LoadBalancer, loadBalancerClass: example.org/metal, loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local, nodePort: 30081, annotations: {example.org/pool: site}}}`},
	{"fixed address", `{service: {clusterIP: 10.96.0.80, ipFamilyPolicy: PreferDualStack, internalTrafficPolicy: Local, sessionAffinity: None, port: 8080}}`},
	{"ingress", `{ingress: {enabled: true, className: nginx, hosts: [mirror.example.org]}}`},
	{"ingress with TLS", `{ingress: {enabled: true, hosts: [mirror.example.org, mirror], tls: {enabled: true, secretName: mirror-tls}, annotations: {nginx.ingress.kubernetes.io/proxy-buffering: "off"}}}`},
	{"ingress to TLS", `{ingress: {enabled: true, hosts: ["*.mirror.example.org"], tls: {enabled: true}}, tls: {existingSecret: site}}`},
	{"daemonset", `{mode: daemonset}`},
	{"daemonset on loopback", `{mode: daemonset, daemonset: {hostPort: 3142, hostIP: 127.0.0.1, maxUnavailable: "25%"}, tolerations: [{operator: Exists}]}`},
	{"daemonset with everything", `{mode: daemonset, ` + everything + `}`},
	{"update strategy", `{updateStrategy: {maxUnavailable: "50%", maxSurge: 0}}`},
	{"one pod a node", `{podAntiAffinity: hard, updateStrategy: {maxUnavailable: 1, maxSurge: 0}, topologySpread: []}`},
	{"no placement", `{podAntiAffinity: none, topologySpread: []}`},
	{"placement", `
topologySpread: [{topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}, {topologyKey: kubernetes.io/hostname, maxSkew: 2}]
nodeSelector: {node-role.kubernetes.io/infra: ""}
nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}]}}
tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
priorityClassName: system-cluster-critical`},
	{"autoscaling", `{autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 9, targetCPU: 50}}`},
	{"disruption budget", `{podDisruptionBudget: {minAvailable: 1, maxUnavailable: null}}`},
	{"disruption budget in percent", `{podDisruptionBudget: {maxUnavailable: "30%"}}`},
	{"disruption budget of nothing", `{podDisruptionBudget: {maxUnavailable: 0}}`},
	{"no disruption budget", `{podDisruptionBudget: {enabled: false}}`},
	{"network policy", `{networkPolicy: {enabled: true}}`},
	{"network policy with peers", `{networkPolicy: {enabled: true, from: [{ipBlock: {cidr: 10.0.0.0/8}}, {namespaceSelector: {}}], metricsFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}, podSelector: {matchLabels: {app: prometheus}}}]}}`},
	{"service monitor", `{metrics: {port: 9100, annotations: true, serviceMonitor: {enabled: true, interval: 1m, scrapeTimeout: 20s, labels: {release: prometheus}}}}`},
	{"resources", `{resources: {requests: {cpu: 2, memory: 512Mi, ephemeral-storage: 1Mi}, limits: {cpu: 2500m, memory: 2Gi}}}`},
	{"no limits", `{resources: {requests: null, limits: null}}`},
	{"the cluster chooses the user", `{security: {runAsUser: null, runAsGroup: null}}`},
	{"another user", `{security: {runAsUser: 1234567, runAsGroup: 2000000000}}`},
	{"service account of others", `{serviceAccount: {create: false}}`},
	{"named service account", `{serviceAccount: {name: mirror, annotations: {example.org/a: b}}}`},
	{"probes", `{probes: {startSeconds: 601, periodSeconds: 3, timeoutSeconds: 2}}`},
	{"no test", `{test: {enabled: false}}`},
	{"labels", `{commonLabels: {site: berlin, helm.sh/chart: mine}, commonAnnotations: {example.org/owner: "platform, 2nd team"}, podLabels: {sidecar: "false"}, podAnnotations: {example.org/log: "true"}}`},
	{"part of another chart", `{global: {imageRegistry: registry.example.org}}`},
	{"everything", `{` + everything + `, autoscaling: {enabled: true}}`},
}

const (
	digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	fifty  = "a-very-long-name-of-a-mirror-for-a-very-large-site-1"

	everything = `
image: {repository: registry.example.org/site/docker, digest: "sha256:` + digest + `", pullSecrets: [site]},
server: {trustedProxies: [10.0.0.0/8], maxPerClient: 20},
rules: {text: "default: deny\n"},
signingKey: {existingSecret: key}, tls: {existingSecret: tls, clientAuthority: ca}, passwords: {existingSecret: passwords},
service: {type: LoadBalancer, externalTrafficPolicy: Local, annotations: {a: b}},
ingress: {enabled: true, className: nginx, hosts: [mirror.example.org], tls: {enabled: true, secretName: tls}},
networkPolicy: {enabled: true, from: [{ipBlock: {cidr: 10.0.0.0/8}}], metricsFrom: [{podSelector: {}}]},
metrics: {annotations: true, serviceMonitor: {enabled: true, labels: {release: prometheus}}},
nodeSelector: {a: b}, tolerations: [{operator: Exists}], priorityClassName: high,
commonLabels: {site: berlin}, commonAnnotations: {example.org/owner: platform}, podLabels: {x: z}, podAnnotations: {example.org/x: z}`
)

// refused are value sets that must not render, each with words that the message must have: where the mistake is,
// and what is wanted.
var refused = []struct {
	name, values string
	says         []string
}{
	{"unknown value", `{replica: 3}`, []string{"additional properties 'replica' not allowed"}},
	{"unknown value within", `{image: {name: x}}`, []string{"/image", "additional properties 'name' not allowed"}},
	{"word for a number", `{replicas: "3"}`, []string{"/replicas", "got string, want integer"}},
	{"negative number", `{replicas: -1}`, []string{"/replicas", "minimum"}},
	{"number for a tag", `{image: {tag: 1.10}}`, []string{"/image/tag", "got number, want string"}},
	{"repository with a tag", `{image: {repository: "registry.example.org/site/docker:1"}}`, []string{"/image/repository", "does not match pattern"}},
	{"half a digest", `{image: {digest: "sha256:0123"}}`, []string{"/image/digest", "does not match pattern"}},
	{"pull policy", `{image: {pullPolicy: ifNotPresent}}`, []string{"/image/pullPolicy", "'IfNotPresent'"}},
	{"mode", `{mode: statefulset}`, []string{"/mode", "'deployment', 'daemonset'"}},
	{"service type", `{service: {type: ExternalName}}`, []string{"/service/type", "'LoadBalancer'"}},
	{"port out of range", `{service: {port: 70000}}`, []string{"/service/port", "65,535"}},
	{"node port of a cluster address", `{service: {nodePort: 30080}}`, []string{"/service/nodePort", "want null"}},
	{"load balancer's networks without one", `{service: {type: NodePort, loadBalancerSourceRanges: [10.0.0.0/8]}}`, []string{"/service/loadBalancerSourceRanges", "maxItems"}},
	{"two signing keys", `{signingKey: {existingSecret: a, value: "-----BEGIN PGP PRIVATE KEY BLOCK-----"}}`, []string{"/signingKey/value", "value must be ''"}},
	{"public key", `{signingKey: {value: "-----BEGIN PGP PUBLIC KEY BLOCK-----"}}`, []string{"/signingKey/value", "BEGIN PGP PRIVATE KEY BLOCK"}},
	{"two certificates", `{tls: {existingSecret: a, certificate: "-----BEGIN CERTIFICATE-----", privateKey: "-----BEGIN PRIVATE KEY-----"}}`, []string{"/tls/certificate", "value must be ''"}},
	{"certificate without its key", `{tls: {certificate: "-----BEGIN CERTIFICATE-----"}}`, []string{"/tls/privateKey", "minLength"}},
	{"key without a certificate", `{tls: {privateKey: "-----BEGIN PRIVATE KEY-----"}}`, []string{"/tls/privateKey", "value must be ''"}},
	{"clients' certificates without the mirror's", `{tls: {clientAuthority: ca}}`, []string{"tls.clientAuthority needs a certificate of the mirror"}},
	{"no rules", `{rules: {text: "# later\n"}}`, []string{"rules.text has neither default: nor rules:"}},
	{"rules that are no YAML", `{rules: {text: "default: [allow\n"}}`, []string{"rules.text is not a file of rules", "minimirror rules check"}},
	{"ingress without a host", `{ingress: {enabled: true}}`, []string{"/ingress/hosts", "minItems"}},
	{"address for a host", `{ingress: {enabled: true, hosts: ["https://mirror.example.org/"]}}`, []string{"/ingress/hosts/0", "does not match pattern"}},
	{"TLS without an ingress", `{ingress: {tls: {enabled: true}}}`, []string{"ingress.tls.enabled needs ingress.enabled"}},
	{"two disruption budgets", `{podDisruptionBudget: {minAvailable: 1}}`, []string{"/podDisruptionBudget/maxUnavailable", "want null"}},
	{"no disruption budget's number", `{podDisruptionBudget: {maxUnavailable: null}}`, []string{"minAvailable and maxUnavailable are both null"}},
	{"percentage of a hundred and one", `{updateStrategy: {maxSurge: "101%"}}`, []string{"/updateStrategy/maxSurge", "does not match pattern"}},
	{"no pod could be replaced", `{updateStrategy: {maxSurge: "0%"}}`, []string{"updateStrategy: maxUnavailable and maxSurge are both 0"}},
	{"autoscaling of a daemonset", `{mode: daemonset, autoscaling: {enabled: true}}`, []string{"/autoscaling/enabled", "value must be false"}},
	{"autoscaling backwards", `{autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 2}}`, []string{"autoscaling.maxReplicas 2 is less than autoscaling.minReplicas 3"}},
	{"autoscaling without a request", `{autoscaling: {enabled: true}, resources: {requests: {cpu: null}}}`, []string{"autoscaling needs resources.requests.cpu"}},
	{"root", `{security: {runAsUser: 0}}`, []string{"/security/runAsUser", "minimum"}},
	{"name for a user", `{security: {runAsUser: nobody}}`, []string{"/security/runAsUser", "got string"}},
	{"writable root", `{security: {readOnlyRootFilesystem: false}}`, []string{"/security", "additional properties 'readOnlyRootFilesystem' not allowed"}},
	{"the mirror's port for metrics", `{metrics: {port: 8080}}`, []string{"metrics.port 8080 is the mirror's own port"}},
	{"quantity", `{resources: {limits: {memory: 1 GB}}}`, []string{"/resources/limits/memory", "does not match pattern"}},
	{"switch for an annotation", `{podAnnotations: {example.org/log: true}}`, []string{"/podAnnotations", "got boolean, want string"}},
	{"the chart's own label", `{podLabels: {app.kubernetes.io/instance: other}}`, []string{"the label app.kubernetes.io/instance is the chart's own"}},
	{"label too long", `{commonLabels: {a: "` + digest + `"}}`, []string{"/commonLabels/a", "maxLength"}},
	{"host name for a proxy", `{server: {trustedProxies: [proxy.example.org]}}`, []string{"/server/trustedProxies/0", "does not match pattern"}},
	{"flag without dashes", `{server: {extraArgs: [pprof]}}`, []string{"/server/extraArgs/0", "does not match pattern"}},
}
