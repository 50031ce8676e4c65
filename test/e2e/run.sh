#!/bin/bash
# Runs all end-to-end scripts in one folder, so that each finds what the one before has made.
# With names (10-bare-system …), only those.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
E2E_WORK=$(mktemp -d "${TMPDIR:-/tmp}/minimirror-e2e.XXXXXX")
export E2E_WORK
chmod 755 "$E2E_WORK"
trap 'rm -rf --one-file-system "$E2E_WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=()
for script in "$here"/[0-9]*.sh; do
	name=$(basename "$script" .sh)
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	"$script" || failed+=("$name")
done
[ ${#failed[@]} = 0 ] || { echo "end to end: FAILED: ${failed[*]}" >&2; exit 1; }
echo "end to end: passed in $SECONDS s"
