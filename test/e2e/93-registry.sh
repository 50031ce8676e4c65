#!/bin/bash
# A real registry that goes wrong: cut and slow connections, "too many requests", ranges that are not
# honoured, or lie, wrong bytes. Packages arrive whole and right, or not at all; little else is read.
. "$(dirname "$0")/lib.sh"
need skopeo curl

{
	printf 'Suite: s\n'
	for i in $(seq 12); do printf '\nPackage: p%02d\nArchitecture: amd64\nFiller: %s\n' "$i" "$((1000000 + i * 100000))"; done
} >"$mine/archive"
made_up_archive <"$mine/archive"
definition web <<-END
	debian:
	  sources:
	    - { name: test, urls: [$archive], suites: [s], components: [main], architectures: [amd64], signed-by: $mine/keys/archive.asc }
	  packages: all
	sets:
	  app: { debian: [p02, p05, p08] }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/ours"
digest=sha256:$(digest "oci:$mine/ours")
carries "oci:$mine/ours" app
carries "oci:$mine/ours" p11 --package

start_registry
"$MINIMIRROR" build "$definition" --output "docker://$registry/site/web:1"
go_program troubled ./test/e2e/troubled

# little wants that what was read is not much more than the packages.
little() {
	local size
	size=$(cat "$mine/carried"/*.deb | wc -c)
	say "$1: $(sent) bytes are read for packages of $size"
	[ "$(sent)" -le $((size * 102 / 100 + 256000)) ] || die "that is too much"
}

say "little is read"
before none
carries "docker://$address/site/web:1" app
uncut=$(requests)
little app
before none
carries "docker://$address/site/web:1" p11 --package
little p11

say "trouble that passes"
for trouble in cut busy drip norange; do
	before "$trouble"
	carries "docker://$address/site/web:1" app
	[ "$trouble" != cut ] || [ "$(requests)" -gt "$uncut" ] || die "nothing was cut"
	[ "$trouble" = norange ] || little "$trouble"
done

say "wrong bytes are refused, and leave nothing that looks whole"
for trouble in shifted wrong manifest; do
	before "$trouble"
	ref="docker://$address/site/web:1"
	[ "$trouble" != manifest ] || ref="docker://$address/site/web@$digest"
	code=0
	"$MINIMIRROR" bootstrap --image "$ref" --set app --architecture amd64 --to "$mine/$trouble" >"$mine/refused.log" 2>&1 || code=$?
	[ "$code" = 4 ] || { cat "$mine/refused.log" >&2; die "$trouble: exit code $code, want 4"; }
	for file in "$mine/$trouble"/* "$mine/$trouble"/.minimirror-part-*; do
		[ ! -e "$file" ] || grep -Fqx "$(sha256sum <"$file" | cut -c -64)  ${file##*/}" "$mine/carries-app" || die "$trouble: it left $file"
	done
	say "$trouble: $(grep -v '^image: ' "$mine/refused.log" | head -n 1)"
done

say "killed on the way, it goes on with what is missing"
again() { exec "$MINIMIRROR" bootstrap --image "docker://$address/site/web:1" --set app --architecture amd64 --to "$mine/killed"; }
before stall
again >"$mine/killed.log" 2>&1 &
pid=$!
on_the_way() { compgen -G "$mine/killed/p*.deb" && compgen -G "$mine/killed/.minimirror-part-*"; }
eventually on_the_way || die "no package is there, and another on its way: $(ls -A "$mine/killed")"
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
have=$(cat "$mine/killed"/p*.deb | wc -c)
before none
(again) >"$mine/killed.log" 2>&1 || { cat "$mine/killed.log" >&2; die "it does not go on"; }
cmp "$mine/killed/SHA256SUMS" "$mine/carries-app"
(cd "$mine/killed" && sha256sum --quiet --check SHA256SUMS)
missing=$(($(cat "$mine/killed"/p*.deb | wc -c) - have))
say "$have bytes were there, $(sent) are read for the other $missing"
[ "$(sent)" -le $((missing * 102 / 100 + 256000)) ] || die "that is too much"
