#!/bin/bash
# An upgrade on the way of which a package of the node does not work: the new z
# breaks the old b, and the new b pre-depends on z. dpkg takes z by deconfiguring
# b, whose upgrade comes a step later. The program does that, and so do the
# scripts of a folder and of the image.
. "$(dirname "$0")/lib.sh"
need_root_or_die "a root file system"
bare_root "$mine/bare"
bare=$mine/bare
mkdir -p "$bare/image"
install -m 755 "$MINIMIRROR" "$bare/usr/local/bin/minimirror"

made_up_archive <<-END
	Suite: s

	Package: b
	Version: 1

	Package: user
	Depends: b

	Package: b
	Version: 2
	Pre-Depends: z

	Package: z
	Version: 2
	Breaks: b (<< 2)
	Depends: late

	Package: late
	Depends: z

	Package: gone
	File: usr/share/x/file

	Package: heir
	Replaces: gone
	File: usr/share/x/file
END
# image NAME PACKAGE… builds $bare/image/NAME.tar with one set of the same name.
image() {
	definition "$1" <<-END
		debian:
		  sources:
		    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
		  packages: all
		sets:
		  $1: { debian: [$2] }
	END
	"$MINIMIRROR" build "$definition" --output "oci-archive:$bare/image/$1.tar"
}
image old 'b=1, user'
image new 'b=2, z'
netns_up upgrade

# state COPY wants everything installed and configured.
state() {
	local got
	# shellcheck disable=SC2016
	got=$(in_copy "$1" dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Abbrev}\n' b late user z)
	[ "$got" = $'b 2 ii \nlate 1.0 ii \nuser 1.0 ii \nz 2 ii ' ] || die "$1: $got"
	[ -z "$(in_copy "$1" dpkg --audit)" ] || die "$1: $(in_copy "$1" dpkg --audit)"
}

n=0
old='minimirror bootstrap --image oci-archive:/image/old.tar --set old --install'
new='minimirror bootstrap --image oci-archive:/image/new.tar --set new'
in_copy plan sh -ec "$old >&2; $new --dry-run" >"$mine/plan.txt" 2>"$mine/plan.log" || { cat "$mine/plan.log" >&2; die "--dry-run"; }
tr '\n' ' ' <"$mine/plan.txt" | grep -q 'step 1: .*z 2.*step 2: b 2' || die "the plan is another: $(cat "$mine/plan.txt")"
for way in "$new --install" "$new --to /new; sh /new/install.sh" "$new --print-shell >/new.sh; sh /new.sh /image/new.tar"; do
	name=way-$((++n))
	in_copy "$name" sh -ec "$old; $way" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$way"; }
	state "$name"
	say "$way"
done

# The files of one package are all replaced by another of the same step: dpkg knows the first no more.
image heir 'gone, heir'
heir='minimirror bootstrap --image oci-archive:/image/heir.tar --set heir'
for way in "$heir --install" "$heir --to /heir; sh /heir/install.sh"; do
	name=heir-$((++n))
	in_copy "$name" sh -ec "$way" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$way"; }
	# shellcheck disable=SC2016
	got=$(in_copy "$name" dpkg-query --show --showformat '${Package} ${db:Status-Abbrev}\n' gone heir)
	[ "$got" = $'gone un \nheir ii ' ] || die "$name: $got"
	say "$way"
done

# What a package has started goes on, and has dpkg's outputs open: nobody waits for its end.
say "a daemon that keeps dpkg's output"
isolate=(--pid --fork --kill-child=KILL)
in_copy daemon sh -ec "
	echo 'post-invoke=sleep 1000 &' >/etc/dpkg/dpkg.cfg.d/daemon
	timeout --signal=KILL 300 $old" >"$mine/daemon.log" 2>&1 || { tail -n 20 "$mine/daemon.log" >&2; die "it waits for the daemon"; }
