#!/bin/bash
# Bundles with parity: parts that are lost, blocks that are damaged and sectors that cannot be read are restored up to the declared share; one block
# more, and the parts are named. A pipe that loses 2 % of its blocks. A folder in which files arrive slowly, in another order.
. "$(dirname "$0")/lib.sh"
need python3 minisign age jq skopeo losetup mkfs.ext4 filefrag

# image.py FOLDER SEED SIZE… makes an OCI layout of one image with layers of so many random MB.
cat >"$mine/image.py" <<'END'
import hashlib, json, os, random, sys
random.seed(sys.argv[2])
folder = sys.argv[1]
os.makedirs(folder + "/blobs/sha256")
def put(data, kind):
    name = hashlib.sha256(data).hexdigest()
    open(f"{folder}/blobs/sha256/{name}", "wb").write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + name, "size": len(data)}
layers = [put(random.randbytes(int(n) << 20), "layer.v1.tar") for n in sys.argv[3:]]
config = put(json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [l["digest"] for l in layers]}}).encode(), "config.v1+json")
manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}).encode(), "manifest.v1+json")
manifest["annotations"] = {"org.opencontainers.image.ref.name": "site:1"}
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open(folder + "/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(folder + "/oci-layout", "w"))
END
layout=$mine/layout
python3 "$mine/image.py" "$layout" 19 5 4 2 1
digest=$(skopeo inspect --raw "oci:$layout:site:1" | sha256sum | cut -d' ' -f1)

cd "$mine"
minisign -G -W -p site.pub -s site.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
export_to() { "$MINIMIRROR" export "oci:$layout" --sign-key site.key --part-size 700K "$@"; }
encrypted=(--recipient "$recipient")

# import_from SOURCE… imports into a new layout, and compares the image.
imports=0
import_from() {
	rm -rf --one-file-system "$mine/to"
	"$MINIMIRROR" import "$@" --to "oci:$mine/to" --verify-key site.pub --identity identity.txt >"$mine/said" 2>&1 || { cat "$mine/said" >&2; return 1; }
	[ "$(skopeo inspect --raw "oci:$mine/to:site:1" | sha256sum | cut -d' ' -f1)" = "$digest" ] || die "the image has another digest"
	(cd "$mine/to/blobs/sha256" && sha256sum -c <(printf '%s  %s\n' $(for f in *; do echo "$f $f"; done)) >/dev/null) || die "a blob was changed"
	[ -z "$(ls -d "$mine/to/".minimirror-part* 2>/dev/null)" ] || die "the scratch file is left"
	imports=$((imports + 1))
}
# import_fails CODE PATTERN SOURCE… wants nothing visible, and a message.
import_fails() {
	local code=0
	rm -rf --one-file-system "$mine/to"
	"$MINIMIRROR" import "${@:3}" --to "oci:$mine/to" --verify-key site.pub --identity identity.txt >"$mine/said" 2>&1 || code=$?
	[ "$code" = "$1" ] || { cat "$mine/said" >&2; die "exit code $code, not $1"; }
	grep -Eq -- "$2" "$mine/said" || { cat "$mine/said" >&2; die "it does not say \"$2\""; }
	[ ! -e "$mine/to/index.json" ] || die "something is visible"
}

# lists NUMBER wants it in the ranges behind --parts.
lists() {
	local range
	for range in $(sed -n 's/^hint: .*--parts \([0-9,-]*\)$/\1/p' said | tr , ' '); do
		[ "$1" -lt "${range%-*}" ] || [ "$1" -gt "${range#*-}" ] || return 0
	done
	return 1
}

# damage FOLDER COUNT FILE… overwrites so many blocks of 4 KiB of these files, at random.
cat >damage.py <<'END'
import os, random, sys
folder, count, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
random.seed(len(names) + count)
blocks = [(n, b) for n in names for b in range((os.path.getsize(f"{folder}/{n}") + 4095) // 4096)]
for name, block in random.sample(blocks, count):
    with open(f"{folder}/{name}", "r+b") as f:
        size = min(4096, os.path.getsize(f.name) - block * 4096)
        f.seek(block * 4096)
        f.write(random.randbytes(size))
END

# 1. A folder.
export_to --fec 10% "${encrypted[@]}" --to "$mine/good" >/dev/null
parity=$(jq .fec.parity good/minimirror.bundle.json)
[ "$(jq .fec.codewords good/minimirror.bundle.json)" = 1 ] || die "this image has more than one codeword: any blocks cannot be lost"
(cd good && sha256sum --quiet -c SHA256SUMS) || die "the digests are wrong"
all=$(cd good && cat part-* fec-* | wc -c)
[ $((parity * 4096 * 10)) -ge "$all" ] || die "$parity blocks of parity are less than 10 % of $all bytes"
import_from good
! grep -q repaired said || die "a good bundle was repaired"
parts=$(cd good && echo part-*)
files=$(cd good && echo part-* fec-*)
again() { rm -rf --one-file-system bad && cp -a good bad; } # a stick that is good again

say "any $parity blocks of $((all / 4096)): whole parts, blocks here and there, both"
again
rm bad/part-0003* bad/part-0011*
lost=$(du -b good/part-0003* good/part-0011* | awk '{ n += int(($1 + 4095) / 4096) } END { print n }')
[ "$lost" -le "$parity" ] || die "two parts are $lost blocks"
before=$(cd bad && find . -type f -exec sha256sum {} + | sort)
import_from bad
grep -q '^part-0003.*: repaired, ' said || die "it does not say what it repaired: $(cat said)"
[ "$(jq -r '.verdict, (.parts[] | select(.status == "repaired") | .number, .restored)' to/minimirror.reports/site-*Z.json | xargs)" = "passed 3 $((lost / 2)) 11 $((lost / 2))" ] || die "the report does not say what was repaired"
[ "$(cd bad && find . -type f -exec sha256sum {} + | sort)" = "$before" ] || die "the medium was changed"
rest=$(cd bad && echo part-* fec-*)
# shellcheck disable=SC2086 # names without spaces
python3 damage.py bad $((parity - lost)) $rest
import_from bad
for key in "" "--identity identity.txt"; do
	# shellcheck disable=SC2086 # none, or two words
	"$MINIMIRROR" verify bad --verify-key site.pub $key --report check.json >said 2>&1 || { cat said >&2; die "verify fails"; }
	grep -q '^part-0003.*: repaired, ' said || die "verify does not say what it repaired: $(cat said)"
	[ "$(jq '.parts[2] | .status == "repaired" and .restored > 0' check.json)" = true ] || die "the report does not say so: $(jq .parts check.json)"
done
# shellcheck disable=SC2086
python3 damage.py bad 40 $rest # beyond
"$MINIMIRROR" verify bad --verify-key site.pub >said 2>&1 && die "verify accepts it"
lists 3 || die "verify does not name part 3: $(cat said)"
import_fails 4 'cannot be restored' bad
lists 3 || die "it does not say how to export part 3 again: $(cat said)"
again
# shellcheck disable=SC2086
python3 damage.py bad "$parity" $files
import_from bad
[ "$(grep -c ': repaired, ' said)" -gt 5 ] || die "few parts were repaired"

say "one block more than there is parity for: its parts are named, and exported again alone"
again
: $((in_first = $(stat -c %s good/part-0001*) / 4096))
python3 damage.py bad "$in_first" "$(basename good/part-0001*)" || die "part 1"
need_more=$((parity - in_first))
python3 damage.py bad $((need_more / 2)) "$(basename good/part-0007*)"
python3 damage.py bad $((need_more - need_more / 2)) "$(basename good/part-0009*)"
import_from bad
python3 damage.py bad 1 "$(basename good/part-0012*)"
import_fails 4 '^hint: .*--parts 1,7,9,12$' bad
grep -q 'up to 1 more are missing' said || die "it does not say how many: $(cat said)"
export_to "${encrypted[@]}" --parts 1,7,9,12 --to "$mine/more" >/dev/null
import_from bad more
# In the clear, a part that is exported again has the same bytes, and so helps to restore others.
export_to --fec 10% --plain --to plain >/dev/null
python3 damage.py plain "$parity" part-0001.tar part-0007.tar part-0009.tar
python3 damage.py plain 1 part-0012.tar
import_fails 4 '^hint: .*--parts 1,7,9,12$' plain
export_to --plain --parts 7 --to again >/dev/null
import_from plain again
grep -q '^part-0012.*: repaired, 1 block of' said || die "part 12 was not repaired: $(cat said)"

say "the header is damaged, or gone: its copy counts; a copy by somebody else does not"
again
head -c 3000 /dev/zero | dd of=bad/minimirror.bundle.json conv=notrunc status=none
import_from bad
rm bad/minimirror.bundle.json*
import_from bad
sed -i 's/"sequence": /&1/' bad/copy/minimirror.bundle.json
import_fails 4 'sign' bad

say "several media: one of four is lost"
export_to --fec 30% "${encrypted[@]}" --media 4400K --to a --to b --to c --to d --to e >/dev/null
[ -e a/minimirror.bundle.json ] && [ -e d/minimirror.bundle.json ] || die "fewer media: $(du -s a b c d e)"
media=(a b c d); [ ! -e e/minimirror.bundle.json ] || media+=(e)
import_from "${media[@]}"
mkdir lost && mv b lost/
import_from a "${media[@]:2}"
grep -q ': repaired, ' said || die "nothing was repaired"

say "one file, with damage in the tar's own headers, too"
export_to --fec 10% --plain --to one.tar >/dev/null
import_from one.tar
cp one.tar bad.tar
python3 - bad.tar <<'END'
import random, re, sys
random.seed(5)
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    at = data.index(b"part-0004.tar\0")
    f.seek(at); f.write(random.randbytes(512))          # the header of a part
    f.seek(0); f.write(bytes(1024))                      # the beginning
    for _ in range(60):
        f.seek(random.randrange(at, len(data) - 100_000) // 4096 * 4096); f.write(random.randbytes(4096))
END
import_from bad.tar
grep -q '^part-0004.*: repaired, ' said || grep -q ': repaired, ' said || die "nothing was repaired: $(cat said)"

say "what parity is not for"
refused() {
	local code=0
	export_to --plain --fec 10% "${@:2}" >said 2>&1 || code=$?
	[ $code = 2 ] && grep -q -- "$1" said || die "exit code $code: $(cat said)"
}
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_ENDPOINT_URL=http://127.0.0.1:9 refused 'needs no parity' --to s3://bucket/prefix
refused 'parity is of all parts' --parts 3 --to parts
export_to --plain --fec 10% --plan --to plan | grep -q '^to write: .*, and parity in [0-9]* files, ' || die "the plan has no parity"

# 2. Pipes.
cat >lossy.py <<'END'
import random, sys
size, share, skip = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
random.seed(size)
source, out = sys.stdin.buffer, sys.stdout.buffer
out.write(source.read(skip))  # so that the blocks are not those of the writer
while block := source.read(size):
    if random.random() >= share:
        out.write(block)
END
say "a pipe that loses 2 % of its blocks, of several sizes"
export_to --fec 10% "${encrypted[@]}" --to - >stream 2>/dev/null
for size in 512 1088 1500 4096 65536; do
	python3 lossy.py $size 0.02 $((size % 777)) <stream >left
	[ "$(stat -c %s left)" -lt "$(stat -c %s stream)" ] || die "nothing was lost"
	import_from - <left
	grep -q 'had lost were restored' said || die "nothing was restored: $(cat said)"
done
export_to --fec 10% "${encrypted[@]}" --to - 2>/dev/null | python3 lossy.py 4096 0.02 0 | import_from -
tail -c +100001 stream | import_from - # the beginning is lost
say "a pipe that loses a third: the lost bytes are said, nothing is visible"
python3 lossy.py 4096 0.33 0 <stream >left
import_fails 4 'bytes of the stream are lost' - <left
"$MINIMIRROR" import - --to "oci:$mine/to" --verify-key site.pub --identity identity.txt <stream >said 2>&1 || { cat said >&2; die "the same stream again is not imported"; }

# 3. Sectors that cannot be read.
need_root_or_die "a loop device"
say "a stick whose last sectors cannot be read (a loop device behind whose file the end is gone: Linux returns input/output errors)"
truncate -s 40M stick.img
mkfs.ext4 -q -b 4096 -O ^has_journal stick.img
loop=$(losetup --find --show stick.img)
defer losetup --detach "$loop"
mkdir stick
mount "$loop" stick
defer umount "$mine/stick"
cp -a good/fec-* stick/
sync --file-system stick
cp -a good/. stick/ # the parts last, so that the file system puts them behind the parity
sync --file-system stick
# The file system's blocks of parts and parity, the last ones first: half as many as there is parity for, so that a third of the checksums is left, wherever the files are.
end=$(for f in stick/part-* stick/fec-*; do filefrag -e "$f" | awk '$1 ~ /^[0-9]+:$/ { gsub(/[.:]/, " "); for (i = $4; i <= $5; i++) print i }'; done | sort -rn | sed -n "$((parity / 2))p")
umount stick
[ "$end" -gt 1000 ] || die "filefrag says that the last blocks begin at $end"
truncate -s $((end * 4096)) stick.img
mount -o ro "$loop" stick || die "the damaged stick is not mounted"
errors=0
for f in stick/*; do [ ! -f "$f" ] || cat "$f" >/dev/null 2>&1 || errors=$((errors + 1)); done
[ $errors -gt 0 ] || die "all files of the stick can be read"
import_from stick
grep -q ': repaired, ' said || die "nothing was repaired: $(cat said)"

# 4. A folder that is watched.
say "a folder in which files arrive slowly, out of order, half-written and with temporary names"
mkdir inbox
"$MINIMIRROR" import --watch inbox --watch-interval 100ms --to "oci:$mine/seen" --verify-key site.pub --identity identity.txt >watch.log 2>&1 &
watch=$!
defer end "$watch"
await "$watch" watch.log 'watching inbox'
for f in good/part-0002* good/part-0016* good/part-0001*; do cp "$f" inbox/; done
head -c 300000 good/part-0005* >inbox/"$(basename good/part-0005*)" # half of it
cp good/minimirror.bundle.json.minisig inbox/
cp good/minimirror.bundle.json inbox/.minimirror.bundle.json.tmp
mv inbox/.minimirror.bundle.json.tmp inbox/minimirror.bundle.json
await "$watch" watch.log 'inbox: part-0002\..*: verified'
await "$watch" watch.log 'inbox: waiting for .* parts'
! grep -q part-0005 watch.log || die "half a part was taken: $(cat watch.log)"
[ ! -e seen/index.json ] || die "something is visible"
end "$watch" # and begins again
"$MINIMIRROR" import --watch inbox --watch-interval 100ms --to "oci:$mine/seen" --verify-key site.pub --identity identity.txt >watch2.log 2>&1 &
watch=$!
defer end "$watch"
for f in good/*; do
	name=$(basename "$f")
	[ -f "$f" ] && [[ $name != part-0008* ]] || continue
	cp "$f" "inbox/$name.filepart" && mv "inbox/$name.filepart" "inbox/$name"
done
await "$watch" watch2.log 'inbox: part-0008.*: repaired'
await "$watch" watch2.log 'inbox: imported'
! grep -q 'part-0002.*verified' watch2.log || die "a part was read twice"
[ "$(jq -r '.verdict, .sources[0], (.parts[] | select(.status == "repaired") | .number)' seen/minimirror.reports/site-*Z.json | xargs)" = "passed inbox 8" ] || die "the report: $(cat seen/minimirror.reports/*Z.json)"
[ "$(skopeo inspect --raw "oci:$mine/seen:site:1" | sha256sum | cut -d' ' -f1)" = "$digest" ] || die "the image has another digest"
[ "$(cd inbox && echo part-*)" != "$parts" ] && [ -e inbox/minimirror.bundle.json ] || die "the folder was changed"
# The next bundle, in a folder of its own, the header last.
python3 image.py layout2 20 2
mkdir inbox/next
layout=layout2 export_to "${encrypted[@]}" --name next --to next >/dev/null
for f in next/part-*; do [[ $f == */part-0002* ]] || cp "$f" inbox/next/; done
cp next/minimirror.bundle.json* inbox/next/
await "$watch" watch2.log 'part-0002.*: missing' # it has no parity
cp next/part-0002* inbox/next/
await "$watch" watch2.log 'inbox/next: imported'
[ "$(ls seen/minimirror.reports/*.html | wc -l)" -ge 2 ] || die "no reports: $(ls seen/minimirror.reports)"
# One whose header is lost: its copy counts.
mkdir -p inbox/headless/copy
export_to --fec 10% "${encrypted[@]}" --name headless --to headless >/dev/null
cp headless/part-* headless/fec-* inbox/headless/
cp headless/copy/* inbox/headless/copy/
await "$watch" watch2.log 'inbox/headless: imported'
kill -0 "$watch" || die "it ended"
kill "$watch"
wait "$watch" || die "a signal is not an error: $?"
say "$imports imports"
