#!/bin/bash
# Runs every fuzz target for FUZZTIME (default 60s). New failing inputs land in
# the package's testdata/fuzz and belong into version control with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-60s}
targets=$(git grep -hE --name-only '^func Fuzz' -- '*_test.go')
for file in $targets; do
	for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "== $name ($(dirname "$file"), $time)"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x "./$(dirname "$file")"
	done
done
