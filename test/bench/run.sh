#!/bin/bash
# Runs every benchmark. Each measures its rival in the same run and prints a ratio.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/lock.sh"
"$here/build.sh"
"$here/aptly.sh"
"$here/bootstrap.sh"
cd "$here/../.."
go test -run '^$' -bench . ./internal/kinds/debian/... ./internal/image ./builder/buildkit ./test/bench
