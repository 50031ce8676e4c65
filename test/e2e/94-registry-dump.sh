#!/bin/bash
# A registry of 50 repositories with 500 tags, indexes, referrers and signatures crosses a gap in a bundle, into another registry: byte for byte.
# Beside it, what skopeo sync loses; and a registry that lists referrers, to and from one whose tags do. Registries that lie, refuse or break are asked again, refused or named; where a registry or a command dies in
# the middle, the same command goes on.
. "$(dirname "$0")/lib.sh"
need skopeo curl docker-registry minisign age-keygen jq
go_program troubled ./test/e2e/troubled
go_program shelves ./test/e2e/shelves

cd "$mine"
minisign -G -W -p site.pub -s site.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)

# another_registry NAME starts a registry with files of its own, and sets $registry.
another_registry() {
	local all=$mine
	mine=$all/$1
	mkdir -p "$mine"
	start_registry
	mine=$all
}
dump() { "$MINIMIRROR" export "docker://$1" --all --part-size 2M --sign-key site.key --recipient "$recipient" "${@:2}"; }
restore() { "$MINIMIRROR" import "$1" --to "docker://$2" --state "$mine/state/imports.json" --verify-key site.pub --identity identity.txt "${@:3}"; }

another_registry many
many=$registry
say "filling a registry with 50 repositories and 500 tags"
"$work/shelves" fill "http://$many"

say "a dump, restored into another registry"
dump "$many" --to many.bundle >dump.log 2>&1 || { cat dump.log >&2; die "export"; }
tail -n 3 dump.log
another_registry copy
copy=$registry
restore many.bundle "$copy" --prefix mirror/ >restore.log 2>&1 || { cat restore.log >&2; die "import"; }
"$work/shelves" compare "http://$many" "http://$copy" mirror/
[ ! -e state/manifests ] || die "manifests are left behind: $(find state/manifests | head)"
restore many.bundle "$copy" --prefix mirror/ >restore.log 2>&1 || { cat restore.log >&2; die "import again"; }
tail -n 1 restore.log | grep -q 'nothing to do' || die "something was imported again: $(tail -n 1 restore.log)"

say "the same with skopeo sync --all, of two of the repositories"
another_registry sync
for repository in team1/app01 team2/app02; do
	skopeo sync --all --keep-going --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false "$many/$repository" "$registry/${repository%/*}" >sync.log 2>&1 \
		&& code=0 || code=$?
	say "skopeo sync $repository: exit code $code: $(tail -n 1 sync.log | cut -c -300)"
done
"$work/shelves" compare "http://$many" "http://$registry" "" team1/app01 team2/app02 >sync.compared || true
cut -c -120 sync.compared | head -n 12
say "skopeo sync: $(tail -n 1 sync.compared)"

say "a selection, and one image"
"$MINIMIRROR" export "docker://$many" --all --repository 'team1/*' --repository '!*app01' --tag '1.?' --newest 2 --to selection.bundle --plain --sign-key site.key >selection.log
jq -r '.images[] | select(.subject == null) | .name' selection.bundle/minimirror.bundle.json | sort >selected
printf '%s\n' team1/app{08,15,22,29,36,43}:1.{8,9} | diff - selected || die "another selection: see above"
[ "$(jq '[.images[] | select(.subject != null)] | length' selection.bundle/minimirror.bundle.json)" -ge $((6 * 4)) ] || die "what is attached stayed behind"
"$MINIMIRROR" export "docker://$many/team1/app08:1.9" --to one.bundle --plain --sign-key site.key >one.log
"$MINIMIRROR" import one.bundle --to "docker://$copy/renamed/app:current" --to "oci:$mine/layout" --verify-key site.pub --state "$mine/state/one.json" >one.log
[ "$(digest --tls-verify=false "docker://$many/team1/app08:1.9")" = "$(digest --tls-verify=false "docker://$copy/renamed/app:current")" ] || die "another image"
[ "$(digest --tls-verify=false "docker://$many/team1/app08:1.9")" = "$(digest "oci:$mine/layout:team1/app08:1.9")" ] || die "another image in the layout"
tag=sha256-$(digest --tls-verify=false "docker://$many/team1/app08:1.9")
for tag in "$tag" "$tag.sig"; do
	[ "$(digest --tls-verify=false "docker://$many/team1/app08:$tag")" = "$(digest --tls-verify=false "docker://$copy/renamed/app:$tag")" ] || die "$tag differs"
done

another_registry few
few=$registry
"$work/shelves" fill "http://$few" 4 3

say "a registry that lists referrers, where tags list them in the other"
go_program referrers ./test/e2e/referrers
# listing NAME starts one, and sets $listing.
listing() {
	"$work/referrers" >"$1.log" 2>&1 &
	defer end $!
	await $! "$1.log" 'listening on (127\.0\.0\.1:[0-9]+)'
	listing=$said
}
listing lists
"$work/shelves" fill "http://$listing" 4 3
dump "$listing" --to lists.bundle >lists.log 2>&1 || { cat lists.log >&2; die "export"; }
restore lists.bundle "$copy" --prefix tags/ >lists.log 2>&1 || { cat lists.log >&2; die "import into a registry that does not list"; }
"$work/shelves" compare "http://$listing" "http://$copy" tags/ | tee compared
grep -q ' 12 referrers, 0 missing' compared || die "not all referrers were compared"
dump "$copy" --repository 'tags/*/*' --to tags.bundle >lists.log 2>&1 || { cat lists.log >&2; die "export"; }
from=$listing
listing again
restore tags.bundle "$listing" >lists.log 2>&1 || { cat lists.log >&2; die "import into a registry that lists"; }
"$work/shelves" compare "http://$copy" "http://$listing" "" $(get "http://$copy/v2/_catalog?n=1000" | jq -r '.repositories[] | select(startswith("tags/"))') >/dev/null
restore lists.bundle "$listing" --prefix straight/ >lists.log 2>&1 || { cat lists.log >&2; die "import from one that lists into one that lists"; }
"$work/shelves" compare "http://$from" "http://$listing" straight/

# troubled TROUBLE REGISTRY starts a proxy before a registry, and sets $address.
troubled() {
	registry=$2
	before "$1"
}
# fails CODE TEXT COMMAND… wants that the command fails with the code, and says the text.
fails() {
	local code=0
	"${@:3}" >fails.log 2>&1 || code=$?
	[ "$code" = "$1" ] || { cat fails.log >&2; die "exit code $code instead of $1: ${*:3}"; }
	grep -qF -- "$2" fails.log || { cat fails.log >&2; die "it does not say \"$2\": ${*:3}"; }
	say "refused: $(grep -F -m 1 -- "$2" fails.log | cut -c -200)"
}
mend() { curl --noproxy '*' --silent --output /dev/null "http://$address/mend"; }
received() { get "http://$address/sent" | cut -d' ' -f3; }

say "trouble that passes: each answer is 429 or 503 at first; transfers are cut; the same for the restore"
for trouble in once cut; do
	troubled "$trouble" "$few"
	dump "$address" --to "$trouble.bundle" >"$trouble.log" 2>&1 || { cat "$trouble.log" >&2; die "export: $trouble"; }
done
another_registry after-once
after=$registry
troubled once "$after"
restore once.bundle "$address" --prefix a/ >once.log 2>&1 || { cat once.log >&2; die "import: once"; }
"$work/shelves" compare "http://$few" "http://$after" a/
restore cut.bundle "$after" --prefix b/ >cut.log 2>&1 || { cat cut.log >&2; die "import: cut"; }
"$work/shelves" compare "http://$few" "http://$after" b/

say "trouble that does not pass is named, and no bundle is begun"
troubled portal "$few"
fails 4 'it begins "<html>' dump "$address" --to none
troubled loop "$few"
fails 4 'form a loop' dump "$address" --to none
troubled away "$few"
fails 4 'would be on another host' dump "$address" --to none
troubled closed "$few"
fails 1 "team1/app01: " dump "$address" --to none
[ "$(grep -c '^hint: log in' fails.log)" -ge 1 ] || die "it does not say how to log in"
troubled manifest "$few"
fails 4 'the manifest that it sends has' dump "$address" --to none
[ ! -e none ] || die "there is a bundle"
troubled closed "$few"
dump "$address" --repository '!team1/*' --to without.bundle >without.log 2>&1 || { cat without.log >&2; die "without team1"; }

say "the registry dies in the middle of the dump"
troubled pull:12000000 "$few"
fails 1 ' of team' dump "$address" --to died.bundle # the image, and not only the digest of a layer
parts=$(find died.bundle -name 'part-*.age' | wc -l)
[ "$parts" -ge 2 ] || die "only $parts parts were written"
kept=$(find died.bundle -name 'part-*.age' -printf '%s\n' | awk '{ n += $1 } END { print n }')
mend
at=$(sent)
dump "$address" --to died.bundle >died.log 2>&1 || { cat died.log >&2; die "it does not go on"; }
all=$(find died.bundle -name 'part-*.age' -printf '%s\n' | awk '{ n += $1 } END { print n }')
say "$parts parts of $kept bytes were there; of $all bytes, $(($(sent) - at)) are read"
[ $(($(sent) - at)) -le $((all - kept + 5000000 + 2097152)) ] || die "parts are read again" # one layer is in several parts

say "the registry dies in the middle of the restore"
another_registry died
died=$registry
troubled push:12000000 "$died"
fails 1 "$address" restore died.bundle "$address" --prefix m/
[ -z "$(get "http://$died/v2/_catalog" | jq -r '.repositories[]' | while read -r name; do get "http://$died/v2/$name/tags/list" 2>/dev/null; done | jq -r '.tags[]?')" ] || die "there are tags"
mend
at=$(received)
restore died.bundle "$address" --prefix m/ >died.log 2>&1 || { cat died.log >&2; die "it does not go on"; }
say "$at bytes were sent before, $(($(received) - at)) after"
"$work/shelves" compare "http://$few" "http://$died" m/

say "import is killed in the middle of the restore"
another_registry killed
killed=$registry
(restore died.bundle "$killed" >killed.log 2>&1) &
pid=$!
some() { [ "$(find killed/registry -path '*/blobs/*' -name data 2>/dev/null | wc -l)" -ge 20 ]; }
eventually some || die "nothing arrives"
pkill -KILL -P "$pid" || true
wait "$pid" 2>/dev/null || true
there=$(find killed/registry -path '*/blobs/*' -name data | wc -l)
troubled none "$killed"
restore died.bundle "$address" >killed.log 2>&1 || { cat killed.log >&2; die "it does not go on"; }
say "$there blobs were there; $(received) bytes are sent"
"$work/shelves" compare "http://$few" "http://$killed" ""

say "a tag moves between an export and the same export"
skopeo copy --src-tls-verify=false --dest-tls-verify=false "docker://$few/team1/app01:1.0" "docker://$few/team1/app01:1.1" >moved.log 2>&1 || { cat moved.log >&2; die "the tag does not move"; }
before_it=$(sha256sum died.bundle/*)
fails 1 'has another bundle' dump "$few" --to died.bundle --name "$(jq -r .name died.bundle/minimirror.bundle.json)"
[ "$(sha256sum died.bundle/*)" = "$before_it" ] || die "the bundle is changed"
