# What clients do: apt, a stream of downloads, and comparing what replicas say.

# client_of MACHINE URL makes a machine a client of the mirror at URL, as the mirror's first page says.
client_of() {
	quiet on "$1" /usr/lib/apt/apt-helper download-file "$2/minimirror.sources" /etc/apt/sources.list.d/minimirror.sources
	check_sources "/proc/${machine[$1]}/root/etc/apt/sources.list.d/minimirror.sources"
}

# installs MACHINE PACKAGE… lets apt install packages.
installs() {
	quiet on "$1" apt-get --error-on=any update
	quiet on "$1" apt-get --yes install "${@:2}"
	[ -z "$(on "$1" dpkg --audit)" ] || die "dpkg --audit: $(on "$1" dpkg --audit)"
	say "apt on $1 installed ${*:2}"
}

# has MACHINE PACKAGE tells whether the mirror offers a package to apt.
has() {
	quiet on "$1" apt-get --error-on=any update
	[ -n "$(on "$1" apt-cache madison "$2")" ]
}
hasnt() { ! has "$@"; }

# packages URL prints "SHA-256 PATH" for each package that the mirror's indexes list.
packages() {
	local base suite component
	while read -r base suite; do
		for component in $(suite_components "$base/dists/$suite"); do
			curl --noproxy '*' -fsS "$base/dists/$suite/$component/binary-amd64/Packages" |
				awk -v base="$base" '/^Filename:/ { path = $2 } /^SHA256:/ { sum = $2 } /^$/ && path { print sum, base "/" path; path = "" }'
		done
	done < <(suites "$1")
}

# suites URL prints "BASE SUITE" for each that the mirror tells its clients to use.
suites() {
	curl --noproxy '*' -fsS "$1/minimirror.sources" | awk '
		$1 == "URIs:" { base = $2; sub("/$", "", base) }
		$1 == "Suites:" { for (i = 2; i <= NF; i++) print base, $i }'
}
suite_components() { curl --noproxy '*' -fsS "$1/Release" | sed -n 's/^Components: //p'; }
export -f packages suites suite_components

# metadata URL prints the SHA-256 of everything that apt reads before packages, by path.
metadata() {
	local base suite file
	while read -r base suite; do
		for file in InRelease Release Release.gpg $(curl --noproxy '*' -fsS "$base/dists/$suite/Release" | sed -n '/^SHA256:/,/^[A-Z][^H]/p' | awk '/^ / { print $3 }'); do
			printf '%s %s\n' "$(curl --noproxy '*' -fsS "$base/dists/$suite/$file" | sha256sum | cut -d' ' -f1)" "${base#"$1"}/$suite/$file"
		done
	done < <(suites "$1")
}
export -f metadata

# servers FIELD prints a field of each of the mirror's pods; replicas, their addresses.
servers() { kubectl --namespace mirror get pods --selector app.kubernetes.io/component=server --field-selector status.phase=Running --output "jsonpath={range .items[*]}{$1}{'\n'}{end}"; }
replicas() { servers .status.podIP; }

# one_state succeeds when all replicas say the same, byte by byte.
one_state() {
	local address states=() state
	for address in $(replicas); do
		state=$(in_net genesis bash -euo pipefail -c 'metadata "$1"' bash "http://$address:8080") || return 1
		states+=("$state")
		[ "$state" = "${states[0]}" ] || { diff <(echo "${states[0]}") <(echo "$state"); return 1; }
	done
	[ ${#states[@]} = "$1" ] || { echo "${#states[@]} replicas"; return 1; }
	[ "$(wc -l <<<"${states[0]}")" -gt 3 ] || { echo "no metadata"; return 1; }
}

# stream NAME MACHINE URL starts downloads of all packages, over and over, as apt would retry: once after a broken
# connection. Each is a connection of its own, and slow enough to be under way when a pod ends.
stream() {
	nsenter --net="/proc/${machine[$2]}/ns/net" bash -euo pipefail -c '
		list=$(packages "$1")
		while :; do
			while read -r sum url; do
				for try in 1 2; do
					said=$(curl --noproxy "*" -fsS --limit-rate 4M --output "$2" "$url" 2>&1) && break
					if [ $try = 1 ]; then echo "retried $url: $said"; else echo "FAILED $url: $said"; fi
				done
				if echo "$sum $2" | sha256sum --check --status; then echo "whole $url"; else echo "DAMAGED $url"; fi
			done <<<"$list"
		done' bash "$3" "$mine/stream-$1" >"$mine/stream-$1.log" 2>&1 &
	streams[$1]=$!
	defer end "${streams[$1]}"
	eventually grep -q '^whole' "$mine/stream-$1.log" || die "no download: $(cat "$mine/stream-$1.log")"
}

# apt_rounds NAME MACHINE lets apt update and fetch packages, over and over, until streams_end. Nothing is tried again
# but by apt itself.
declare -A streams=() rounds=()
apt_rounds() {
	local log=$mine/apt-$1.log
	on "$2" rm -f /run/no-more-rounds
	# shellcheck disable=SC2016
	on "$2" sh -c '
		while [ ! -e /run/no-more-rounds ]; do
			apt-get clean
			if said=$(apt-get --error-on=any update 2>&1) && said=$(apt-get --yes --reinstall --download-only install "$@" 2>&1); then echo whole; else echo "FAILED $said"; fi
		done' sh "${@:3}" >"$log" 2>&1 &
	rounds[$1]="$! $2"
	eventually grep -q '^whole' "$log" || die "apt on $2: $(cat "$log")"
}

# streams_end ends them all, and wants that nothing failed.
streams_end() {
	local name log pid client
	for name in "${!streams[@]}"; do
		kill -0 "${streams[$name]}" 2>/dev/null || die "the stream $name has ended: $(tail "$mine/stream-$name.log")"
		end "${streams[$name]}"
		log=$mine/stream-$name.log
		! grep -aEv '^(whole|retried) ' "$log" | grep -am 5 . || die "downloads failed: see above"
		say "$1: $(grep -c ^whole "$log") whole downloads through the $name, $(grep -c ^retried "$log" || true) after a second try"
	done
	streams=()
	for name in "${!rounds[@]}"; do
		read -r pid client <<<"${rounds[$name]}"
		log=$mine/apt-$name.log
		on "$client" touch /run/no-more-rounds
		wait "$pid" || die "apt on $client: $(cat "$log")"
		! grep -av '^whole' "$log" || die "apt on $client failed: see above"
		say "$1: apt on $client updated and fetched $(wc -l <"$log") times through the $name, and never failed"
	done
	rounds=()
}
