# What the benchmarks share: a place to work, the best time of several runs, and
# the archive that the tests make up.
# shellcheck disable=SC2034
set -euo pipefail
export LC_ALL=C.UTF-8
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
minimirror=${MINIMIRROR:-$repo/bin/minimirror}
[ -x "$minimirror" ] || { echo "$minimirror is missing; type: make build" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/minimirror-bench.XXXXXX")
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf --one-file-system "$work"' EXIT
pids=()
export XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config
runs=${RUNS:-5}

# best NAME COMMAND… runs a command several times and sets $NAME to the best time, in ms.
best() {
	local -n result=$1
	shift
	local i start took
	result=
	for ((i = 0; i < runs; i++)); do
		[ "$(type -t prepare)" != function ] || prepare
		start=${EPOCHREALTIME/./}
		"$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
		took=$((${EPOCHREALTIME/./} - start))
		if [ -z "$result" ] || [ $((took / 1000)) -lt "$result" ]; then result=$((took / 1000)); fi
	done
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# peak COMMAND… prints the most memory that a command had, in MB.
peak() {
	/usr/bin/time -f %M -o "$work/peak" "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
	awk '{ print int($1 / 1000) }' "$work/peak"
}
