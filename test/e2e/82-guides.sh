#!/bin/bash
# What docs/guides.md says, typed as it is there: a site with two releases, own packages, a file and a rule; and a fleet that is kept current
# from its status files. Only addresses differ. The nodes are roots of both releases in a network without a route.
. "$(dirname "$0")/lib.sh"
need mmdebstrap curl jq dpkg-deb
need_root_or_die "a root file system"
guide=$repo/docs/guides.md

# This machine's own mirrors of Debian, which have other releases, too.
bases=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
site=$(grep -E '/debian/?$' <<<"$bases" | head -n 1) security=$(grep -E '/debian-security/?$' <<<"$bases" | head -n 1)
[ -n "$site" ] && [ -n "$security" ] || die "this machine has no Debian mirror with security updates among its apt sources"

# says COMMAND: the guide has this line, but for the comment behind it. types COMMAND runs it, too.
says() { grep -qE "^    $(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$1")( +#.*)?\$" "$guide" || die "the guide does not say: $1"; }
types() {
	says "$1"
	(cd "$mine" && PATH=$(dirname "$MINIMIRROR"):$PATH && eval "${1//http:\/\/10.0.0.1:8080/$url}") || die "$1"
}
# block FILE writes the block of the guide that begins with "# FILE".
block() {
	mkdir -p "$(dirname "$mine/$1")"
	awk -v first="# $1" '/^```/ {inside = 0} inside {print} $0 == first {inside = 1}' "$guide" |
		sed -e "s#http://ftp.debian.org/debian#$site#" -e "s#http://security.debian.org/debian-security#$security#" >"$mine/$1"
	[ -s "$mine/$1" ] || die "the guide has no $1"
}
own() { # VERSION
	mkdir -p "$mine"/{debs,config,db-config,site-db/DEBIAN}
	printf 'Package: site-db\nVersion: %s\nArchitecture: all\nMaintainer: Site <root@example.org>\nDepends: postgresql-client\nDescription: a database node\n' "$1" >"$mine/site-db/DEBIAN/control"
	echo "setting = $1" >"$mine/db-config/site.conf"
}

netns_up guides
listen=127.0.0.1:8080 url=http://127.0.0.1:8080
for release in bookworm trixie; do
	mmdebstrap --quiet --mode=root --variant=minbase --include=curl --format=tar --dpkgopt=force-unsafe-io --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$release" "$mine/$release.tar" "$site"
	mkdir "$mine/$release"
	defer rm -rf --one-file-system "$mine/$release"
	tar -C "$mine/$release" --numeric-owner -xf "$mine/$release.tar"
	rm -rf "$mine/$release.tar" "$mine/$release"/etc/apt/sources.list "$mine/$release"/etc/apt/sources.list.d/* "$mine/$release"/var/lib/apt/lists/*
	printf '#!/bin/sh\nexit 101\n' >"$mine/$release/usr/sbin/policy-rc.d"
	chmod 755 "$mine/$release/usr/sbin/policy-rc.d"
done
on() { # RELEASE COMMAND: as the guide says it, without questions
	says "$2"
	local command=${2//http:\/\/10.0.0.1:8080/$url}
	in_root "$mine/$1" sh -ec "cd /root && ${command/apt-get /apt-get --yes --quiet }" >"$mine/on.log" 2>&1
}
served() { # ARGUMENTS of serve, as the guide has them
	says "minimirror serve $*"
	[ -z "${server:-}" ] || end "$server"
	cd "$mine"
	eval "start_server $*"
	cd "$OLDPWD"
}

# A site with two releases and own packages.
block site/mirror.yaml
block rules.yaml
own 1.0
types "dpkg-deb --root-owner-group --build site-db debs/"
types "tar -czf config/db-config.tar.gz -C db-config ."
types "minimirror lock site" >"$mine/lock.log" 2>&1
! grep WARN "$mine/lock.log" || die "lock warns"
types "minimirror build site --output site-1.tar"
types "minimirror verify site-1.tar --keyring /usr/share/keyrings/debian-archive-keyring.gpg --lock site"
types "minimirror kit site-1.tar --address http://10.0.0.1:8080 --to kit"
served site-1.tar --audit audit.log
for release in bookworm trixie; do
	cp -r "$mine/kit" "$mine/$release/root/kit"
	on "$release" "sh kit/client/setup.sh" || { cat "$mine/on.log" >&2; die "$release: setup.sh"; }
	on "$release" "apt-get install site-db" || { cat "$mine/on.log" >&2; die "$release: site-db"; }
	on "$release" "curl -fsSO http://10.0.0.1:8080/files/config/db-config.tar.gz" || { cat "$mine/on.log" >&2; die "$release: the file"; }
	cmp "$mine/config/db-config.tar.gz" "$mine/$release/root/db-config.tar.gz"
	say "$release: $(in_root "$mine/$release" dpkg-query --show --showformat '${Package} ${Version}' site-db) and the file"
done

says "minimirror rules check rules.yaml site-1.tar"
status=0
(cd "$mine" && "$MINIMIRROR" rules check rules.yaml site-1.tar) >"$mine/check.log" || status=$?
[ "$status" = 1 ] || die "rules check ends with $status"
grep -q 'rules.yaml:2: pgbackrest .*: backups of the new release' "$mine/check.log" || { cat "$mine/check.log" >&2; die "rules check"; }
served site-1.tar --rules rules.yaml --sign-key '~/.config/minimirror/signing-key.asc' --audit audit.log
for release in bookworm trixie; do in_root "$mine/$release" apt-get -qq update; done
in_root "$mine/bookworm" apt-get -qq -s install pgbackrest >/dev/null || die "bookworm cannot install pgbackrest"
! in_root "$mine/trixie" apt-get -qq -s install pgbackrest >/dev/null 2>&1 || die "trixie installs pgbackrest"

own 1.1
types "dpkg-deb --root-owner-group --build site-db debs/"
"$MINIMIRROR" lock "$mine/site" >"$mine/kept.log" 2>&1
grep -q 'the lock keeps the older version of your own packages: site-db 1.0' "$mine/kept.log" || die "lock does not say that a newer package waits"
types "minimirror lock site --update site-db" >"$mine/update.log" 2>&1
[ "$(grep -c 'site-db (all): 1.0 → 1.1' "$mine/update.log")" = 2 ] || { cat "$mine/update.log" >&2; die "lock --update"; }
types "minimirror lock site --update" >/dev/null 2>&1
types "minimirror build site --output site-2.tar"
end "$server"
start_server "$mine/site-2.tar"
for release in bookworm trixie; do
	on "$release" "apt-get update" && on "$release" "apt-get dist-upgrade" || { cat "$mine/on.log" >&2; die "$release: dist-upgrade"; }
	[ "$(in_root "$mine/$release" dpkg-query --show --showformat '${Version}' site-db)" = 1.1 ] || die "$release does not have the new package"
done
say "both releases get the next image's packages"

# A fleet.
block fleet/mirror.yaml
says "scp web1:/var/lib/dpkg/status fleet/nodes/web1.status"
mkdir -p "$mine/fleet/nodes/trixie"
cp "$mine/bookworm/var/lib/dpkg/status" "$mine/fleet/nodes/web1.status"
cp "$mine/trixie/var/lib/dpkg/status" "$mine/fleet/nodes/other.status"
types "minimirror lock fleet" >"$mine/fleet.log" 2>&1
grep -q 'installed-on: nodes/other.status: of .* the node is of another release' "$mine/fleet.log" || { cat "$mine/fleet.log" >&2; die "lock does not name the node of another release"; }
! grep -q 'newer versions than any source' "$mine/fleet.log" || die "lock blames packages for their node"
mv "$mine/fleet/nodes/other.status" "$mine/fleet/nodes/trixie/other.status"
types "minimirror lock fleet" >"$mine/fleet.log" 2>&1
grep -q 'no source has these packages of the nodes any more: site-db 1.1 (nodes/web1.status)"' "$mine/fleet.log" || { cat "$mine/fleet.log" >&2; die "lock does not name the own package"; }
! grep -q 'another release' "$mine/fleet.log" || die "lock takes the fleet for another release"
types "minimirror build fleet --output fleet.tar"
types "minimirror kit fleet.tar --address http://10.0.0.1:8080 --to fleet-kit"
end "$server"
start_server "$mine/fleet.tar"
cp -r "$mine/fleet-kit" "$mine/bookworm/root/fleet-kit"
in_root "$mine/bookworm" sh /root/fleet-kit/client/setup.sh >/dev/null
on bookworm "apt-get update"
on bookworm "apt-get dist-upgrade" || { cat "$mine/on.log" >&2; die "dist-upgrade"; }
# The node lacks nothing that it has from the mirror, and the mirror has nothing newer.
upgrade=$(in_root "$mine/bookworm" apt-get -s dist-upgrade)
grep -q '^0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded' <<<"$upgrade" || die "the node is not current"
missing=$(in_root "$mine/bookworm" apt list --installed 2>/dev/null | grep -F 'installed,local' | cut -d/ -f1 | tr '\n' ' ')
[ "$missing" = "site-db " ] || die "the mirror lacks $missing"
types "minimirror lock fleet --update" >/dev/null 2>&1
types "minimirror build fleet --output fleet.tar" >/dev/null 2>&1
"$MINIMIRROR" lock "$mine/fleet" --check >/dev/null 2>&1 || die "lock --check finds something newer at once"
say "a node is current from the mirror alone"
