#!/bin/sh
# usage: version.sh [--time]
#
# Prints the version of this source: the newest tag without its "v" (1.2.0); after it, how many commits later and which one
# (1.2.0+5.g0123456789ab); without a tag, the day and the commit (0.0.0+20261130.g0123456789ab). ".dirty" is a change, outside images, that
# is not committed.
# With --time it prints the time of the commit, in seconds since 1970. git archive writes both into the file "archived" beside this script;
# where neither git nor that file knows, the version is "unknown" and the time is 0. $VERSION and $SOURCE_DATE_EPOCH overrule.
set -eu
cd "$(dirname "$0")"
ask=${1:-}
case $ask in "" | --time) ;; *) echo "usage: version.sh [--time]" >&2; exit 2 ;; esac

if [ "$ask" = --time ] && [ -n "${SOURCE_DATE_EPOCH:-}" ]; then echo "$SOURCE_DATE_EPOCH"; exit; fi
if [ -z "$ask" ] && [ -n "${VERSION:-}" ]; then echo "$VERSION"; exit; fi

export LC_ALL=C TZ=UTC
read -r time commit described <archived
dirty=
case $time in
*Format*) # not from git archive
	time=0 commit='' described=''
	# The repository must be this source's own, not one that the source happens to lie in.
	if top=$(git rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$(cd .. && pwd -P)" ] && found=$(git show --no-patch --format='%ct %H' HEAD 2>/dev/null); then
		time=${found% *} commit=${found#* }
		described=$(git describe --tags --match 'v[0-9]*' --abbrev=12 2>/dev/null || :)
		[ -z "$(git status --porcelain -- .. ':!../images' 2>/dev/null)" ] || dirty=.dirty
	fi
	;;
esac
if [ "$ask" = --time ]; then echo "$time"; exit; fi
[ -n "$commit" ] || { echo unknown; exit; }

case $described in
*-*-g????????????) # TAG-COMMITS-gCOMMIT
	tag=${described%-*-g*}
	version=${tag#v}+$(echo "${described#"$tag"-}" | tr - .)
	;;
v*) version=${described#v} ;;
*) version=0.0.0+$(date -d "@$time" +%Y%m%d).g$(echo "$commit" | cut -c -12) ;;
esac
case $dirty$version in .dirty*+*) ;; .dirty*) dirty=+dirty ;; esac
echo "$version$dirty"
