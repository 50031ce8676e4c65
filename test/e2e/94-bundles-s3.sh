#!/bin/bash
# Bundles in an object store: there and back, killed in the middle on both sides, through a store that is busy, cuts connections and refuses; what is
# written is read by curl, too. And what goes with bundles everywhere: plans, verification without importing, and reports that print on one page.
. "$(dirname "$0")/lib.sh"
need age-keygen minisign skopeo jq curl python3 openssl chromium /usr/bin/time
need_root_or_die "a small disk"
cd "$mine"

go_program bucket ./test/e2e/bucket
"$work/bucket" >bucket.log 2>&1 &
defer end $!
await $! bucket.log '^http://.*'
store=$said
export AWS_ACCESS_KEY_ID=tester AWS_SECRET_ACCESS_KEY=secret AWS_REGION=us-east-1 AWS_ENDPOINT_URL=$store
unset AWS_PROFILE AWS_SESSION_TOKEN http_proxy https_proxy
ask() { curl -fsS "$store/-/$1"; }
received() { ask bytes | cut -d' ' -f1; }
sent() { ask bytes | cut -d' ' -f2; }
object() { curl -fsS --aws-sigv4 aws:amz:us-east-1:s3 --user tester:secret "$store/site/$1"; }

# fails CODE TEXT COMMAND… wants that the command fails with the code, and that standard error has the text.
fails() {
	local code=0
	"${@:3}" >fails.out 2>fails.err || code=$?
	[ "$code" = "$1" ] || { cat fails.err >&2; die "exit code $code instead of $1: ${*:3}"; }
	grep -qF -- "$2" fails.err || { cat fails.err >&2; die "it does not say \"$2\": ${*:3}"; }
}
# atmost BYTES LIMIT WHAT
atmost() { [ "$1" -le "$2" ] || die "$3: $1 bytes, more than $2"; }

mkdir files
for i in 1 2 3 4 5; do head -c 12000000 /dev/urandom >files/$i; done
mkdir bulk
printf 'name: bulk\nfiles:\n- { name: bulk, path: ../files }\n' >bulk/mirror.yaml
"$MINIMIRROR" lock bulk >/dev/null 2>&1
"$MINIMIRROR" build bulk --output oci:image >/dev/null 2>build.log || { cat build.log >&2; die "build"; }
size=$(du -sb image | cut -f1)
minisign -G -W -p site.pub -s site.key >/dev/null
minisign -G -W -p stranger.pub -s stranger.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
export=("$MINIMIRROR" export oci:image --sign-key site.key)
import=("$MINIMIRROR" import --verify-key site.pub --identity identity.txt)
encrypted=(--recipient "$recipient" --part-size 10M)
# same DIR wants that an OCI layout has the image.
same() {
	diff <(cd image/blobs && find . -type f | sort) <(cd "$1/blobs" && find . -type f | sort) || die "$1 has other blobs"
	diff <(jq -S '.manifests[].digest' image/index.json) <(jq -S '.manifests[].digest' "$1/index.json") || die "$1 has another image"
	"$MINIMIRROR" verify "oci:$1" >/dev/null || die "$1 does not verify"
}
hidden() { [ ! -e "$1/index.json" ] && [ ! -e "$1/blobs" ] || die "$1 shows something"; }
# bounded COMMAND… wants that a command needs no more than 64 MiB of memory.
bounded() {
	/usr/bin/time -f %M -o memory "$@" >bounded.log 2>&1 || { cat bounded.log >&2; die "$*"; }
	[ "$(tail -n 1 memory)" -le 65536 ] || die "$(cat memory) KiB of memory: $*"
}

say "there and back"
bounded "${export[@]}" --to s3://site/encrypted "${encrypted[@]}"
atmost "$(received)" $((size + size / 100 + 300000)) "export"
[ "$(ask unfinished)" = 0 ] || die "unfinished uploads are left"
bounded "${import[@]}" s3://site/encrypted --to oci:back
atmost "$(sent)" $((size + size / 100 + 300000)) "import"
same back
object encrypted/SHA256SUMS >SHA256SUMS
while read -r sum name; do [ "$(object "encrypted/$name" | sha256sum | cut -d' ' -f1)" = "$sum" ] || die "curl reads another $name"; done <SHA256SUMS
[ "$(wc -l <SHA256SUMS)" -ge 8 ] || die "$(cat SHA256SUMS)"
before=$(received)
"${export[@]}" --to s3://site/encrypted "${encrypted[@]}" | grep -q "nothing to do" || die "the same export again"
atmost $(($(received) - before)) 100000 "the same export again"
bounded "${export[@]}" --to s3://site/plain --plain --part-size 200M # one part, larger than all buffers
"${import[@]}" s3://site/plain --to oci:back-plain >/dev/null 2>&1
same back-plain

# killed AT COMMAND… runs a command, and kills it when the store has moved AT bytes more. moved prints how many it has.
killed() {
	local begun pid
	begun=$(moved)
	"${@:2}" >killed.log 2>&1 &
	pid=$!
	until [ $(($(moved) - begun)) -ge "$1" ]; do kill -0 "$pid" 2>/dev/null || { cat killed.log >&2; die "it ended before it was killed: ${*:2}"; }; done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
}
chunk=$((5 << 20)) part=$((10 << 20))

say "export is killed four times, and no part is sent twice"
moved() { received; }
before=$(received)
for at in 9000000 3000000 11000000 4000000; do killed $at "${export[@]}" --to s3://site/killed "${encrypted[@]}"; done
"${export[@]}" --to s3://site/killed "${encrypted[@]}" >/dev/null 2>&1
atmost $(($(received) - before)) $((size + 4 * (part + chunk) + 2000000)) "export, killed four times"
[ "$(ask unfinished)" = 0 ] || die "unfinished uploads are left"
"${import[@]}" s3://site/killed --to oci:back-killed >/dev/null 2>&1
same back-killed

say "in the middle of one part that is not encrypted: no chunk is sent twice"
before=$(received)
for at in 20000000 12000000 9000000; do killed $at "${export[@]}" --to s3://site/killed-plain --plain --part-size 200M; done
[ "$(ask unfinished)" = 1 ] || die "no unfinished upload"
[ "$(object '?list-type=2&prefix=killed-plain/' | grep -c 'part-0001')" = 0 ] || die "a part is visible that is not complete"
"${export[@]}" --to s3://site/killed-plain --plain --part-size 200M >/dev/null 2>&1
atmost $(($(received) - before)) $((size + 3 * 3 * chunk + 2000000)) "export of one part, killed three times"
[ "$(ask unfinished)" = 0 ] || die "unfinished uploads are left"
"${import[@]}" s3://site/killed-plain --to oci:back-killed-plain >/dev/null 2>&1
same back-killed-plain

say "a killed export that another one follows leaves nothing"
killed 20000000 "${export[@]}" --to s3://site/abandoned --plain --part-size 200M
"$MINIMIRROR" export oci:image --sign-key site.key --to s3://site/abandoned --plain --part-size 200M --parts 1 >/dev/null 2>&1
[ "$(ask unfinished)" = 0 ] || die "unfinished uploads are left"

say "import is killed four times, and no part is read twice"
moved() { sent; }
before=$(sent)
for at in 9000000 3000000 11000000 4000000; do killed $at "${import[@]}" s3://site/encrypted --to oci:killed; hidden killed; done
"${import[@]}" s3://site/encrypted --to oci:killed >/dev/null 2>&1
atmost $(($(sent) - before)) $((size + 4 * (part + chunk) + 2000000)) "import, killed four times"
same killed

say "a store that is busy, limits requests, fails, and cuts connections"
ask "trouble?how=busy&times=4"
"${export[@]}" --to s3://site/troubled "${encrypted[@]}" --parts 1 >/dev/null 2>&1
ask "trouble?how=limit&times=4"
"${export[@]}" --to s3://site/troubled "${encrypted[@]}" --parts 2 >/dev/null 2>&1
ask "trouble?how=broken&times=4"
"${export[@]}" --to s3://site/troubled "${encrypted[@]}" >/dev/null 2>&1
[ "$(ask unfinished)" = 0 ] || die "unfinished uploads are left"
for how in busy limit broken; do
	ask "trouble?how=$how&times=4"
	"$MINIMIRROR" verify s3://site/troubled --verify-key site.pub >/dev/null 2>&1 || die "$how"
done
ask "trouble?how=cut&times=4"
"${import[@]}" s3://site/troubled --to oci:back-troubled >/dev/null 2>&1
same back-troubled
ask "trouble?how=none"

say "a store that refuses"
refused() { # HOW TEXT HINT
	ask "trouble?how=$1"
	fails 1 "$2" "${export[@]}" --to "s3://site/refused-$1" "${encrypted[@]}"
	grep -q "^hint: .*$3" fails.err || die "$1: no hint \"$3\": $(cat fails.err)"
	fails 1 "$2" "${import[@]}" s3://site/encrypted --to oci:refused
	ask "trouble?how=none"
	hidden refused
	say "$1: $(grep -v '^report:' fails.err | head -n 1)"
}
refused denied "the store denies access" "rights"
refused strange "the store refuses the credentials" "AWS_ACCESS_KEY_ID"
refused expired "the store refuses the credentials" "AWS_ACCESS_KEY_ID"
refused clock "at the store 2006-01-02T15:04:05Z" "set the clock"
refused full "the store has no room" "make room"
fails 1 'no bucket "other-site"' "${export[@]}" --to s3://other-site/x "${encrypted[@]}"
fails 1 "connection refused" "${export[@]}" --to s3://site/x "${encrypted[@]}" --s3-endpoint http://127.0.0.1:1
(unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY && fails 2 "no credentials" "${export[@]}" --to s3://site/x "${encrypted[@]}")
(
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL AWS_REGION
	mkdir -p "$mine/home/.aws"
	printf '[gate]\naws_access_key_id = tester\naws_secret_access_key = secret\n' >"$mine/home/.aws/credentials"
	printf '[profile gate]\nregion = us-east-1\nendpoint_url = %s\n' "$store" >"$mine/home/.aws/config"
	HOME=$mine/home AWS_PROFILE=gate "$MINIMIRROR" verify s3://site/encrypted --verify-key site.pub >/dev/null 2>&1
) || die "the profile is not read"

say "one changed byte"
ask "change?key=troubled/part-0003.tar.age"
fails 4 "part-0003.tar.age (s3://site/troubled): changed or damaged" "${import[@]}" s3://site/troubled --to oci:changed
hidden changed
fails 4 "part-0003.tar.age" "$MINIMIRROR" verify s3://site/troubled --verify-key site.pub
"${export[@]}" --to s3://site/troubled "${encrypted[@]}" --parts 3 >/dev/null 2>&1
"${import[@]}" s3://site/troubled --to oci:changed >/dev/null 2>&1
same changed

say "an object that is cut off"
ask "truncate?key=troubled/part-0002.tar.age"
fails 4 "part-0002.tar.age" "${import[@]}" s3://site/troubled --to oci:cut-off
hidden cut-off
"${export[@]}" --to s3://site/troubled "${encrypted[@]}" --parts 2 >/dev/null 2>&1
"${import[@]}" s3://site/troubled --to oci:cut-off >/dev/null 2>&1
same cut-off

say "the newest of several"
cp -r bulk more && printf 'name: bulk\nfiles:\n- { name: more, path: ../files/1 }\n' >more/mirror.yaml
"$MINIMIRROR" lock more >/dev/null 2>&1
"$MINIMIRROR" build more --output oci:more-image >/dev/null 2>&1
"$MINIMIRROR" export oci:image --name series --sequence 1 --sign-key site.key --to s3://site/months/1 --plain >/dev/null 2>&1
"$MINIMIRROR" export oci:more-image --name series --sequence 2 --sign-key site.key --to s3://site/months/2 --plain >/dev/null 2>&1
"$MINIMIRROR" export oci:more-image --name series --sequence 3 --sign-key stranger.key --to s3://site/months/3 --plain >/dev/null 2>&1
"${import[@]}" s3://site/months --to oci:newest >newest.out 2>newest.err
grep -q "sequence 2," newest.out && grep -q "months/3 does not count" newest.err || die "$(cat newest.out newest.err)"
"$MINIMIRROR" export oci:more-image --name other --sign-key site.key --to s3://site/other --plain >/dev/null 2>&1
fails 2 "several series" "$MINIMIRROR" verify s3://site --verify-key site.pub
fails 1 "there is no bundle" "${import[@]}" s3://site/nothing --to oci:nothing

say "a plan"
"$MINIMIRROR" export oci:image --have oci:more-image --plan --part-size 10M --media 30M --to sticks --rate 20MB/s >plan.out
grep -q "^left out, because the other side has it: " plan.out && grep -q "^medium 2: " plan.out && grep -q "^to write: .* at 21.0 MB/s" plan.out || die "$(cat plan.out)"
[ ! -e sticks ] || die "a plan wrote something"
"$MINIMIRROR" export oci:image --plan "${encrypted[@]}" --to written --format json >plan.json
"${export[@]}" "${encrypted[@]}" --to written >/dev/null 2>&1
[ "$(jq '.write.size' plan.json)" = "$(jq '[.parts[].size] | add' written/minimirror.bundle.json)" ] || die "the plan says $(jq .write plan.json)"
jq -e '.fits and .exact and .kept.count == 0' plan.json >/dev/null || die "$(cat plan.json)"
mkdir small
mount -t tmpfs -o size=20M tmpfs small
defer umount "$mine/small"
fails 1 "has room for" "$MINIMIRROR" export oci:image --plan --plain --to small/stick
fails 1 "has room for" "${export[@]}" --plain --to small/stick
[ -z "$(ls small)" ] || die "something was written: $(ls -R small)"

say "reports"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out report.key 2>/dev/null
openssl pkey -in report.key -pubout -out report.pub
"${import[@]}" written --to oci:reported --report ok.json --report-key report.key >/dev/null 2>ok.err
jq -e --arg sum "$(sha256sum "$MINIMIRROR" | cut -d' ' -f1)" '.verdict == "passed" and .program.sha256 == $sum and ([.parts[] | select(.status == "verified" and .stated == .found)] | length) == .bundle.partCount and .clock.of != "" and (.key.id | startswith("minisign RW"))' ok.json >/dev/null || die "$(cat ok.json)"
grep -q "$(sha256sum ok.json | cut -d' ' -f1)" ok.html || die "the page does not name the JSON"
# The statement's signature, by hand: DSSE signs "DSSEv1 LENGTH TYPE LENGTH PAYLOAD".
jq -r .payload ok.intoto.json | base64 -d >payload
jq -r '.signatures[0].sig' ok.intoto.json | base64 -d >payload.sig
type=$(jq -r .payloadType ok.intoto.json)
{ printf 'DSSEv1 %d %s %d ' ${#type} "$type" "$(stat -c %s payload)"; cat payload; } >signed
openssl dgst -sha256 -verify report.pub -signature payload.sig signed >/dev/null || die "the statement's signature is wrong"
jq -e --slurpfile report ok.json '._type == "https://in-toto.io/Statement/v1" and .predicate == $report[0] and (.subject | length) > 6' payload >/dev/null || die "$(cat payload)"
[ ! -e reported/minimirror.reports ] || die "a report in the default place as well"
"${import[@]}" written --to oci:reported >/dev/null 2>again.err
ls reported/minimirror.reports/*.html >/dev/null || die "no report beside the record: $(cat again.err)"
# A part that is damaged, one that is missing, a stranger's key: each has a report that names it.
cp -r written torn
printf x | dd of=torn/part-0002.tar.age bs=1 seek=5000 conv=notrunc status=none
rm torn/part-0004.tar.age
fails 4 "part-0002.tar.age" "${import[@]}" torn --to oci:torn-site --report torn.json
jq -e '.verdict == "failed" and ([.parts[] | select(.status == "bad") | .name] == ["part-0002.tar.age"]) and ([.parts[] | select(.status == "missing") | .name] == ["part-0004.tar.age"])' torn.json >/dev/null || die "$(cat torn.json)"
grep -q "part-0002.tar.age" torn.txt && grep -q "^FAILED" torn.txt || die "$(cat torn.txt)"
cp written/part-0002.tar.age torn
fails 1 "part-0004.tar.age" "${import[@]}" torn --to oci:torn-site --report torn.json
jq -e '.verdict == "incomplete"' torn.json >/dev/null || die "$(cat torn.json)"
fails 4 "signed" "$MINIMIRROR" verify written --verify-key stranger.pub --report stranger.json
jq -e '.verdict == "failed" and .bundle == null and (.problems | length) > 0' stranger.json >/dev/null || die "$(cat stranger.json)"
[ ! -e stranger.intoto.json ] || die "a statement about nothing"
"$MINIMIRROR" verify written --verify-key site.pub --format json --report carried.json >verified.json 2>/dev/null
jq -e '.content == false' verified.json >/dev/null && jq -e '.depth == "carried"' carried.json >/dev/null || die "$(cat verified.json)"
"$MINIMIRROR" verify written --verify-key site.pub --identity identity.txt --format json 2>/dev/null | jq -e '.content' >/dev/null || die "the content was not verified"
# 300 parts, some of them bad: still one page of A4.
"${export[@]}" --plain --part-size 256K --to many >/dev/null 2>&1
for i in 0003 0011 0050 0070 0090 0110 0120; do printf x | dd of=many/part-$i.tar bs=1 seek=5000 conv=notrunc status=none; done
fails 4 "part-0120.tar" "$MINIMIRROR" verify many --verify-key site.pub --report many.json
for page in ok torn stranger many; do
	chromium --headless --no-sandbox --disable-gpu --no-pdf-header-footer --user-data-dir="$mine/chromium" --print-to-pdf="$mine/$page.pdf" "file://$mine/$page.html" >chromium.log 2>&1 || { cat chromium.log >&2; die "chromium"; }
	[ "$(grep -ac '/Type */Page\b' "$page.pdf")" = 1 ] || die "$page.html has $(grep -ac '/Type */Page\b' "$page.pdf") pages"
	grep -aq '/MediaBox *\[0 0 59[456]\.[0-9]* 84[12]' "$page.pdf" || die "$page.html is not on A4: $(grep -a MediaBox "$page.pdf")"
done
