#!/bin/sh
# usage: redocly.sh
#
# Prints the path of redocly, of the version that package-lock.json beside this script names: npm downloads it the first time on a
# machine. No script of a package runs.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../once.sh"
version=$(sed -n 's/.*"@redocly\/cli": "\(.*\)".*/\1/p' "$here/package.json")
build() {
	mkdir "$1"
	cp "$here/package.json" "$here/package-lock.json" "$1"
	(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error)
}
folder=$(once "redocly-$version")
echo "$folder/node_modules/.bin/redocly"
