#!/bin/bash
# usage: run.sh [PART…]
#
# Runs the tests, two parts side by side. The parts are check, unit, slice, tools, chart and site, and the end-to-end
# scripts by their names (10-bare-system …); "e2e" names all of those. Without names, all run. The output of a part is
# printed when it ends. At the end a table says what each took: seconds, and seconds of the processors.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
scripts=$(cd test/e2e && echo [0-9]*.sh)
scripts=${scripts//.sh/}

# In this order; long ones first, so that no lane waits for the last.
all="check 10-bare-system tools unit site 80-sets 90-bootstrap 89-kit-tools slice 82-guides 99-options-archive 94-archives 85-rules-clients 97-hardened 95-genesis 96-runtimes 86-proxy 87-pages 85-rules"
for part in $scripts chart; do [[ " $all " == *" $part "* ]] || all+=" $part"; done
wanted=" $* "
[ $# -gt 0 ] || wanted=" $all "
wanted=${wanted/ e2e / $scripts }
queue=()
for part in $all; do [[ $wanted != *" $part "* ]] || { queue+=("$part"); wanted=${wanted/ $part / }; }; done
[ -z "${wanted// /}" ] || { echo "run.sh: no part:$wanted; there are: $all" >&2; exit 2; }

# The folder that the scripts share: each finds what others have made.
E2E_WORK=$(mktemp -d "${TMPDIR:-/tmp}/minimirror-e2e.XXXXXX")
export E2E_WORK
chmod 755 "$E2E_WORK"
mkdir "$E2E_WORK/logs"

set -m # each part is a process group of its own, which ends whole
declare -A running=()
finish() {
	local pid
	for pid in "${!running[@]}"; do kill -- "-$pid"; done 2>/dev/null
	wait
	rm -rf --one-file-system "$E2E_WORK"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# needs PART prints the parts that must have ended before.
needs() {
	case $1 in
	chart) echo tools ;;
	site | 89-kit-tools) echo tools 10-bare-system ;;
	[0-9]*) ! grep -qw bare_root "test/e2e/$1.sh" || echo 10-bare-system ;;
	esac
}

# run PART is what it does.
run() {
	case $1 in
	setup) test/e2e/setup.sh ;;
	tools) test/k8s/build.sh && test/chart/helm.sh && test/quadlet/quadlet.sh && test/buildkitd/buildkitd.sh && test/buildkitd/buildkitd.sh buildctl && test/registry/tools.sh crane && test/registry/tools.sh oras && test/containerd/containerd.sh ;;
	site) test/site/site.sh ;;
	build | check | unit | slice | chart) make --no-print-directory "$1" ;;
	*) "test/e2e/$1.sh" ;;
	esac
}

# begin PART starts it in the background.
begin() {
	local log=$E2E_WORK/logs/$1
	echo "== $1 begins"
	(
		trap : TERM # it waits for what it runs, which ends in order
		TIMEFORMAT='%R %U %S'
		{ time run "$1" >"$log" 2>&1; } 2>"$log.time"
	) &
	running[$!]=$1
}

# reap waits for a part to end, prints what it said, and notes what it took.
failed=() took=()
reap() {
	local pid code part line wall user system
	until ended; do sleep 0.2; done
	wait "$pid"
	code=$?
	part=${running[$pid]}
	unset "running[$pid]"
	read -r wall user system <"$E2E_WORK/logs/$part.time"
	line=$(awk -v part="$part" -v wall="$wall" -v used="$user" -v more="$system" -v verdict="$([ $code = 0 ] && echo passed || echo FAILED)" \
		'BEGIN { printf "%-20s %s %5d s %5d s of processors", part, verdict, wall + 0.5, used + more + 0.5 }')
	took+=("$line")
	[ $code = 0 ] || failed+=("$part")
	cat "$E2E_WORK/logs/$part"
	echo "== $line"
}
ended() {
	local alive
	alive=$(jobs -pr)
	for pid in "${!running[@]}"; do grep -qx "$pid" <<<"$alive" || return 0; done
	return 1
}
ready() {
	local need pid
	for need in $(needs "$1"); do
		[[ " ${queue[*]} ${running[*]} " != *" $need "* ]] || return 1
	done
}

started=$SECONDS
for part in setup build; do
	begin "$part"
	reap
	[ ${#failed[@]} = 0 ] || exit 1
done
while [ ${#queue[@]} -gt 0 ] || [ ${#running[@]} -gt 0 ]; do
	if [ ${#running[@]} -lt 2 ]; then
		for i in "${!queue[@]}"; do
			ready "${queue[i]}" || continue
			part=${queue[i]}
			unset "queue[i]"
			begin "$part"
			continue 2
		done
	fi
	reap
done
printf '\nwhat each part took\n'
printf '%s\n' "${took[@]}"
[ ${#failed[@]} = 0 ] || { echo "FAILED after $((SECONDS - started)) s: ${failed[*]}" >&2; exit 1; }
echo "all passed in $((SECONDS - started)) s"
