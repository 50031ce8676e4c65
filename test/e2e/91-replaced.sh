#!/bin/bash
# Packages of the node that give way to what replaces them, as in the 64-bit time transition: with the real dpkg, by the
# program and by the scripts of a folder and of the image. What it does is compared with what it has said before, and
# what it does not do leaves everything as it was.
. "$(dirname "$0")/lib.sh"
need_root_or_die "a root file system"
bare_root "$mine/bare"
bare=$mine/bare
mkdir -p "$bare/image"
install -m 755 "$MINIMIRROR" "$bare/usr/local/bin/minimirror"

made_up_archive <<-END
	Suite: s

	Package: libssl3
	Version: 2
	Architecture: amd64
	File: usr/lib/libssl.so.3
	File: usr/share/doc/libssl3/copyright

	Package: curl
	Version: 1
	Architecture: amd64
	Depends: libssl3 (>= 2)

	Package: exact
	Version: 1
	Architecture: amd64
	Depends: libssl3 (= 2)

	Package: libssl3t64
	Version: 3
	Architecture: amd64
	Provides: libssl3 (= 3)
	Breaks: libssl3 (<< 3)
	Replaces: libssl3
	File: usr/lib/libssl.so.3

	Package: app
	Depends: libssl3t64 (>= 3)

	Package: exim
	Provides: mta
	Conflicts: mta
	Replaces: mta

	Package: mailer
	Depends: mta

	Package: postfix
	Provides: mta
	Conflicts: mta
	Replaces: mta

	Package: old
	File: usr/lib/thing

	Package: new
	Provides: old
	Conflicts: old
	Replaces: old
	File: usr/lib/thing

	Package: breaker
	Breaks: old

	Package: vital
	Protected: yes

	Package: usurper
	Breaks: vital
	Replaces: vital
END
# image NAME PACKAGE… builds $bare/image/NAME.tar with one set of the same name.
image() {
	definition "$1" <<-END
		debian:
		  sources:
		    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
		sets:
		  $1: { debian: [$2] }
	END
	"$MINIMIRROR" build "$definition" --output "oci-archive:$bare/image/$1.tar"
}
image t64 app
image mail postfix
image conflict new
image breaker breaker
image usurper usurper
image before 'libssl3, curl, exim, mailer, old, vital'
image exact exact
netns_up replaced

node='minimirror bootstrap --image oci-archive:/image/before.tar --set before --install'
with() { printf 'minimirror bootstrap --image oci-archive:/image/%s.tar --set %s' "$1" "$1"; }

# state COPY PACKAGE… prints the version and state of packages.
state() {
	local copy=$1
	shift
	# shellcheck disable=SC2016
	in_copy "$copy" dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Abbrev};' "$@" 2>/dev/null || true
}
# wants COPY STATE PACKAGE…
wants() {
	local copy=$1 want=$2 got
	shift 2
	got=$(state "$copy" "$@")
	[ "$got" = "$want" ] || { cat "$mine/$copy.log" >&2; die "$copy: got $got, want $want"; }
	[ -z "$(in_copy "$copy" dpkg --audit)" ] || die "$copy: $(in_copy "$copy" dpkg --audit)"
}

# The plan names what goes, before anything is done.
in_copy plan sh -ec "$node >&2; $(with t64) --dry-run; $(with t64) --dry-run --format json" >"$mine/plan.txt" 2>"$mine/plan.log" || { cat "$mine/plan.log" >&2; die "--dry-run"; }
grep -qx 'removed: libssl3:amd64 2, replaced by libssl3t64 3' "$mine/plan.txt" || die "the plan does not name it: $(cat "$mine/plan.txt")"
grep -q '"removed":\[{"Name":"libssl3:amd64","Version":"2","By":"libssl3t64 3"}\]' "$mine/plan.txt" || die "the plan in JSON does not name it: $(cat "$mine/plan.txt")"

n=0
for way in "$(with t64) --install" "$(with t64) --to /new; sh /new/install.sh" "$(with t64) --print-shell >/new.sh; sh /new.sh /image/t64.tar"; do
	name=t64-$((++n))
	in_copy "$name" sh -ec "$node; $way" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$way"; }
	wants "$name" 'app 1.0 ii ;curl 1 ii ;libssl3t64 3 ii ;' app curl libssl3t64
	case $(state "$name" libssl3) in *' ii '* | *' iU '* | *' iF '*) die "$way: libssl3 is still there" ;; esac
	grep -q 'remove.*libssl3.* 2, replaced by libssl3t64' "$mine/$name.log" || die "$way: it does not say what it removes"
	say "$way"
done

say "a virtual package that both provide"
in_copy mail sh -ec "$node; $(with mail) --install" >"$mine/mail.log" 2>&1 || { tail -n 20 "$mine/mail.log" >&2; die "postfix for exim"; }
wants mail 'mailer 1.0 ii ;postfix 1.0 ii ;' mailer postfix
case $(state mail exim) in *' ii '*) die "exim is still there" ;; esac

for way in "$(with conflict) --install" "$(with conflict) --to /new; sh /new/install.sh"; do
	name=conflict-$((++n))
	in_copy "$name" sh -ec "$node; $way" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$way"; }
	wants "$name" 'new 1.0 ii ;' new
	say "$way"
done

# refused NAME SETUP COMMAND PATTERN: it fails, says so, and the node is as it was.
refused() {
	local name=$1 before after
	in_copy "$name" sh -ec "$node; $2" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "$name"; }
	before=$(in_copy "$name" dpkg-query --show --showformat '${Package} ${Version} ${Status}\n') # shellcheck disable=SC2016
	if in_copy "$name" sh -ec "$3" >"$mine/$name.log" 2>&1; then die "$name: it is done"; fi
	grep -Eq -- "$4" "$mine/$name.log" || { cat "$mine/$name.log" >&2; die "$name: it does not say $4"; }
	after=$(in_copy "$name" dpkg-query --show --showformat '${Package} ${Version} ${Status}\n') # shellcheck disable=SC2016
	[ "$before" = "$after" ] || die "$name: the node has changed"
	say "refused: $name"
}
refused hold 'echo libssl3 hold | dpkg --set-selections' "$(with t64) --install" 'the nodes have libssl3 2, which is on hold'
refused hold-script 'echo libssl3 hold | dpkg --set-selections' "$(with t64) --to /new; sh /new/install.sh" 'libssl3:?[a-z0-9]* 2 is on hold, and libssl3t64 replaces it'
refused dependant "$(with exact) --install" "$(with t64) --install" 'libssl3 2, which comes from exact 1'
refused breaks : "$(with breaker) --install" 'the nodes have old 1.0, which breaker 1.0 does not replace'
refused protected : "$(with usurper) --install" 'the nodes have vital 1.0, which is protected'

# Interrupted after the new one is configured, or unpacked, and repeated.
for stop in 'dpkg --unpack /new/libssl3t64_*.deb' 'dpkg --unpack /new/libssl3t64_*.deb; dpkg --configure libssl3t64'; do
	name=again-$((++n))
	in_copy "$name" sh -ec "$node; $(with t64) --to /new; (dpkg() { command dpkg --auto-deconfigure \"\$@\"; }; $stop); $(with t64) --install" >"$mine/$name.log" 2>&1 || { tail -n 20 "$mine/$name.log" >&2; die "after $stop"; }
	wants "$name" 'app 1.0 ii ;curl 1 ii ;libssl3t64 3 ii ;' app curl libssl3t64
	case $(state "$name" libssl3) in *' ii '* | *' iU '* | *' iF '*) die "after $stop: libssl3 is still there" ;; esac
	in_copy "$name" sh -ec "$(with t64) --install" >>"$mine/$name.log" 2>&1 || die "once more"
	say "goes on after: $stop"
done
