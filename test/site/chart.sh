# The chapters of site.sh from the chart on.

helm=$("${as_caller[@]}" "$repo/test/chart/helm.sh")
helm() { in_net genesis "$helm" --kubeconfig "$kube/admin.conf" --namespace mirror "$@"; }

in_cluster=http://10.96.0.80
on_port=http://10.250.0.1:30080

# upgrade ARGUMENT… installs or upgrades the chart with the kit's values, the site's, and those given; try_upgrade only
# tries it, for $deadline.
try_upgrade() {
	helm upgrade --install minimirror "$chart" --wait --timeout "${deadline:-6m}" --values "$mine/genesis/root/kit/server/chart-values.yaml" \
		--values "$mine/values.yaml" --set-file "rules.text=$mine/rules.yaml" --set-file "signingKey.value=$key" "$@"
}
upgrade() { quiet try_upgrade "$@"; }

chart() {
	say "the chart: two replicas behind a Service, with rules and the signing key"
	chart=$(echo "$mine"/genesis/root/kit/server/chart/*.tgz)
	printf 'default: allow\n' >"$mine/rules.yaml"
	cat >"$mine/values.yaml" <<-END
		replicas: 2
		service: { type: NodePort, nodePort: 30080, clusterIP: 10.96.0.80 }
		test: { url: http://10.96.0.80 } # this cluster has no DNS
	END
	kubectl create namespace mirror >/dev/null
	kubectl label namespace mirror pod-security.kubernetes.io/enforce=restricted >/dev/null
	upgrade
	[ "$(servers .spec.nodeName | sort -u | wc -l)" = 2 ] || die "the replicas are on one node: $(kubectl get pods -A -o wide)"
	quiet helm test minimirror --timeout 6m
	eventually one_state 2 || die "the replicas differ: see above"

	say "clients: the nodes by the Service's address, another machine by the port of the nodes"
	client_of second "$in_cluster"
	installs second tree
	bare_root "$mine/client"
	machine_up client 9 "$mine/client"
	client_of client "$on_port"
	installs client hello
	client_of client http://10.250.0.2:30080
	installs client tree
	client_of client "$on_port"
}

# ingress has nginx do what the Ingress says: no controller is at hand, and the object is what the chart is for.
ingress() {
	say "an Ingress: clients call the mirror by its name"
	local conf=$mine/nginx.conf
	upgrade --set 'ingress.enabled=true,ingress.className=site,ingress.hosts={mirror.example.org}'
	{
		printf 'daemon off;\nuser root;\npid %s/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n' "$mine"
		kubectl --namespace mirror get ingress --output json >"$mine/ingress.json"
		jq -r '.items[].spec.rules[] | .host as $host | .http.paths[] | [$host, .path, .backend.service.name, .backend.service.port.number] | @tsv' "$mine/ingress.json" |
			while IFS=$'\t' read -r host path service port; do
				printf '\tserver {\n\t\tlisten 10.250.0.1:80;\n\t\tserver_name %s;\n\t\tlocation %s { proxy_pass http://%s:%s; proxy_set_header Host $host; }\n\t}\n' "$host" "$path" \
					"$(kubectl --namespace mirror get service "$service" --output 'jsonpath={.spec.clusterIP}')" "$port"
			done
		printf '\tserver { listen 10.250.0.1:80 default_server; return 404; }\n}\n'
	} >"$conf"
	nsenter --net="/proc/${machine[genesis]}/ns/net" nginx -c "$conf" >"$mine/nginx.log" 2>&1 &
	defer end $!
	on client sh -c 'echo 10.250.0.1 mirror.example.org >>/etc/hosts'
	eventually on client /usr/lib/apt/apt-helper download-file http://mirror.example.org/readyz /tmp/ready || die "no answer: $(cat "$mine/nginx.log" "$conf")"
	client_of client http://mirror.example.org
	grep -q '^URIs: http://mirror.example.org/' "/proc/${machine[client]}/root/etc/apt/sources.list.d/minimirror.sources" || die "the mirror calls itself otherwise"
	on client apt-get --yes remove hello >/dev/null
	installs client hello
	client_of client "$on_port"
	upgrade
	[ -z "$(kubectl --namespace mirror get ingress --output name)" ] || die "the Ingress stays"
}

# restarts prints the mirror's pods and how often each has started anew.
restarts() { servers '.metadata.uid}{" "}{.status.containerStatuses[0].restartCount' | sort; }

# say_when WHAT COMMAND… waits until a command succeeds, and tells how long it took.
say_when() {
	local start=$SECONDS
	eventually "${@:2}" || die "$1: not within $patience s"
	say "$1: after $((SECONDS - start)) s"
}

# look has the kubelets bring the rules to the pods now. A pod that ends may go while it is annotated.
look() {
	eventually kubectl --namespace mirror annotate pods --selector app.kubernetes.io/component=server --overwrite "minimirror.github.io/look=$SECONDS" || die "the pods cannot be annotated"
}

rules() {
	say "rules change by helm upgrade, and no pod restarts"
	local before
	before=$(restarts)
	has client jq || die "jq is not there before it is denied"
	printf 'default: allow\nrules:\n  - deny: { package: jq, reason: "site policy 7" }\n' >"$mine/rules.yaml"
	upgrade
	# A kubelet comes back to a pod after 60 to 90 s (its syncFrequency, and up to half of it more), and to a pod whose
	# annotations change at once.
	say_when "apt sees that jq is denied" hasnt client jq
	say_when "all replicas agree" one_state 2
	! on client apt-get --yes install jq >"$mine/jq.log" 2>&1 || die "apt installs what is denied"
	printf 'default: allow\nrules:\n  - deny: { package: [jq, tree], reason: "site policy 8" }\n' >"$mine/rules.yaml"
	upgrade
	look
	say_when "apt sees that tree is denied, when the pods were annotated" hasnt client tree
	say_when "all replicas agree" one_state 2
	printf 'default: allow\nrules:\n  - deny: { package: jq, reason: "site policy 7" }\n' >"$mine/rules.yaml"
	upgrade
	look
	say_when "apt sees tree again" has client tree
	[ "$(restarts)" = "$before" ] || die "pods restarted: $before, now $(restarts)"
}

# fails WHAT ARGUMENT… wants that an upgrade fails, and that the pods of before serve on. goes_back takes it back, before
# anything else: the next upgrade would leave what the failed one has added.
fails() {
	! deadline=15s try_upgrade "${@:2}" >"$mine/upgrade.log" 2>&1 || die "$1: the upgrade succeeds"
	[ "$(grep -cxFf <(echo "$healthy") <(restarts))" = 2 ] || die "$1: pods of before are gone: $healthy, now $(restarts)"
	say "$1: the upgrade fails, and what served serves"
}
goes_back() {
	quiet helm rollback minimirror "$good" --wait --timeout 6m
	eventually same "$healthy" || die "other pods after the rollback: $healthy, now $(restarts)"
}
same() { [ "$(restarts)" = "$1" ]; }
revision() { helm history minimirror --output json | jq '.[-1].revision'; }

mistakes() {
	say "upgrades that cannot work, under running downloads"
	local healthy good
	healthy=$(restarts)
	good=$(revision)
	stream Service second "$in_cluster"
	fails "an image that no node has" --set-string image.tag=9
	goes_back
	fails "a Secret that nobody made" --set passwords.existingSecret=none
	goes_back
	printf 'default: alow\n' >"$mine/rules.yaml"
	fails "rules with a mistake, and new pods" --set server.grace=60
	eventually logged 'minimirror serve: rules.yaml:1: "alow" is not a default' || die "no new pod tells what is wrong with the rules: $(servers .metadata.name)"
	look
	eventually says "$in_cluster" 'the rules before stay in force: rules.yaml:1: "alow"' || die "/readyz does not tell of the rules"
	goes_back
	look
	eventually one_state 2 || die "the replicas differ: see above"
	streams_end "three upgrades failed"
}
says() { in_net genesis curl --noproxy '*' -fsS "$1/readyz" | grep -F "$2"; }
logged() {
	local pod
	for pod in $(servers .metadata.name); do kubectl --namespace mirror logs --tail=5 "$pod" >>"$mine/pods.log" || true; done
	grep -F "$1" "$mine/pods.log"
}

rollout() {
	say "another image, and other rules, under running downloads"
	loads genesis 2
	loads second 2
	stream Service second "$in_cluster"
	stream port client "$on_port"
	hasnt client patch || die "patch is there before the second image"
	apt_rounds Service second tree
	apt_rounds port client hello tree
	printf 'default: allow\n' >"$mine/rules.yaml"
	before_rollout=$(revision)
	upgrade --set-string "image.tag=${image[2]#*:}"
	eventually only_image 2 || die "old pods remain: $(kubectl get pods -A -o wide)"
	sleep 2
	streams_end "another image"
	one_state 2 || die "the replicas differ: see above"
	installs client patch jq
}
only_image() { [ "$(servers '.spec.containers[0].image' | sort -u)" = "${image[$1]}" ]; }

drain() {
	say "a node is drained under running downloads"
	stream Service genesis "$in_cluster"
	stream port client "$on_port"
	quiet kubectl drain second --ignore-daemonsets --timeout 360s
	eventually kubectl --namespace mirror rollout status deployment/minimirror --timeout 30s || die "the replicas do not come back"
	streams_end "a node drained"

	say "the budget: no room for another pod, no second eviction"
	kubectl cordon genesis >/dev/null
	local names said
	mapfile -t names < <(servers .metadata.name)
	evict "${names[0]}" >/dev/null || die "the first pod is not evicted"
	said=$(evict "${names[1]}" 2>&1) && die "both pods were evicted"
	[[ $said == *"violate the pod's disruption budget"* ]] || die "the second eviction: $said"
	kubectl uncordon genesis >/dev/null
	kubectl uncordon second >/dev/null
	kubectl --namespace mirror rollout status deployment/minimirror --timeout 360s >/dev/null
}
evict() {
	kubectl create --raw "/api/v1/namespaces/mirror/pods/$1/eviction" --filename - <<-END
		{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "$1", "namespace": "mirror"}}
	END
}

node_replaced() {
	say "a node is lost, and replaced"
	machine_down second
	kubectl delete node second >/dev/null
	rm -rf --one-file-system "$mine/second"
	joins third 3 "$on_port" 1 2
	eventually one_state 2 || die "the replicas do not come back: see above"
	quiet kubectl --namespace mirror rollout status deployment/minimirror --timeout 360s
}

# all_options prints the objects of a release with every option on.
all_options() { "$helm" template everything "$chart" --namespace mirror --values "$here/everything.yaml" --kube-version 1.34.4; }

# dry_run has the API server check the objects on standard input.
dry_run() { kubectl apply --server-side --dry-run=server --filename -; }

options() {
	say "every option at once, as the API server sees it"
	kubectl apply --filename - >/dev/null <<-END
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: { name: servicemonitors.monitoring.coreos.com }
		spec:
		  group: monitoring.coreos.com
		  names: { kind: ServiceMonitor, plural: servicemonitors }
		  scope: Namespaced
		  versions:
		    - name: v1
		      served: true
		      storage: true
		      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
	END
	kubectl wait --for=condition=Established --timeout=60s crd/servicemonitors.monitoring.coreos.com >/dev/null
	all_options | dry_run >"$mine/dry-run.log" 2>&1 || die "it refuses: $(cat "$mine/dry-run.log")"
	! grep -i warning "$mine/dry-run.log" || die "it warns: see above"
	say "it takes $(wc -l <"$mine/dry-run.log") objects"
	! all_options | sed 's/^  minReplicas: .*/  minReplicas: few/' | dry_run >"$mine/dry-run.log" 2>&1 || die "it takes a wrong type"
	grep -q minReplicas "$mine/dry-run.log" || die "it refuses something else: $(cat "$mine/dry-run.log")"
}

uninstall() {
	say "back to the first image, and away"
	quiet helm rollback minimirror "$before_rollout" --wait --timeout 6m
	eventually only_image 1 || die "the rollback keeps pods: $(kubectl get pods -A -o wide)"
	quiet helm test minimirror --timeout 6m
	say_when "all replicas agree" one_state 2
	quiet helm uninstall minimirror --wait --timeout 6m
	eventually nothing_left || die "it leaves: see above"
}

# nothing_left succeeds when the namespace has only what every namespace has.
nothing_left() {
	local left
	left=$(kubectl --namespace mirror get --ignore-not-found --output name "$(kubectl api-resources --verbs=list --namespaced --output name | grep -v '^events' | paste -sd,)" |
		grep -Ev '^(serviceaccount/default|configmap/kube-root-ca.crt)$') || true
	echo "$left"
	[ -z "$left" ]
}
