#!/bin/bash
# usage: deltas.sh [FOLDER]
#
# What a monthly update costs to carry. FOLDER has the images of two years, image-1 to image-24, in the OCI layout, as test/e2e/84-months.sh makes
# them: E2E_WORK=FOLDER test/e2e/84-months.sh leaves them in FOLDER/84-months; without FOLDER, that is done here. For each month, a site has the image of
# the month before; its receipt leads the export. The bundle is compared with the blobs that are new, and, for the last pair of months, with what
# casync, restic and zchunk (Debian's packages) add to what they have of the month before.
. "$(dirname "$0")/lib.sh"
for tool in casync restic zck zck_delta_size minisign jq; do
	command -v "$tool" >/dev/null || { echo "$tool is missing; type: sudo apt-get install casync restic zchunk minisign jq" >&2; exit 1; }
done
months=${1:-}
if [ -z "$months" ]; then
	chmod 755 "$work" # the script builds as another user
	E2E_WORK=$work/e2e MINIMIRROR=$minimirror bash -c 'mkdir -p "$E2E_WORK" && exec "$1"' sh "$repo/test/e2e/84-months.sh" >"$work/months.log" 2>&1 || { cat "$work/months.log" >&2; exit 1; }
	months=$work/e2e/84-months
fi
last=$(find "$months" -maxdepth 1 -name 'image-*' | wc -l)
[ "$last" -ge 2 ] || { echo "$months: no images" >&2; exit 1; }
export XDG_STATE_HOME=$work/state
cd "$work"
minisign -G -W -p site.pub -s site.key >/dev/null
minisign -G -W -p out.pub -s out.key >/dev/null
size() { find "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
blobs() { find "$1/blobs" -type f -printf '%f %s\n' | sort; }

worst=0 sum_new=0 sum_carried=0
for ((m = 2; m <= last; m++)); do
	old=$months/image-$((m - 1)) new=$months/image-$m
	rm -rf site stick
	cp -r "$old" site
	"$minimirror" receipt oci:site --name site --sign-key site.key --output site.receipt 2>receipt.log || { cat receipt.log >&2; exit 1; }
	"$minimirror" export "oci:$new" --have site.receipt --have-key site.pub --to stick --sign-key out.key --plain >export.log 2>&1 || { cat export.log >&2; exit 1; }
	fresh=$(comm -13 <(blobs "$old") <(blobs "$new") | awk '{ sum += $2 } END { print sum + 0 }')
	carried=$(size stick)
	"$minimirror" import stick --to oci:site --verify-key out.pub >import.log 2>&1 || { cat import.log >&2; exit 1; }
	sum_new=$((sum_new + fresh)) sum_carried=$((sum_carried + carried))
	printf 'month %2d: new blobs %10d, carried %10d, %s, receipt %d\n' "$m" "$fresh" "$carried" "$(ratio "$carried" "$fresh")" "$(stat -c %s site.receipt)"
	worst=$(awk -v a="$worst" -v b="$(ratio "$carried" "$fresh")" 'BEGIN { print (a > b ? a : b) }')
done
echo "all months: new blobs $sum_new, carried $sum_carried, $(ratio "$sum_carried" "$sum_new"); the worst month $worst"
awk -v w="$worst" 'BEGIN { exit w > 1.05 }' || { echo "a month costs more than 1.05 × its new blobs" >&2; exit 1; }

old=$months/image-$((last - 1)) new=$months/image-$last
echo "the last month beside others, bytes to carry:"
echo "  minimirror $carried"

# casync: the chunks and the index that are new.
casync make --store=store.castr old.caidx "$old" >/dev/null
before=$(size store.castr)
casync make --store=store.castr new.caidx "$new" >/dev/null
casync_size=$(($(size store.castr) - before + $(stat -c %s new.caidx)))
echo "  casync     $casync_size $(ratio "$casync_size" "$carried")"

# restic: what the second backup adds to the repository. Its chunks are compressed and encrypted.
export RESTIC_PASSWORD=x
restic --quiet --no-cache -r repo init >/dev/null
# Both under one path, as a site would have them.
restic_of() { rm -rf tree && cp -rl "$1" tree 2>/dev/null || cp -r "$1" tree; restic --quiet --no-cache -r repo backup tree >/dev/null; }
restic_of "$old"
before=$(size repo)
restic_of "$new"
restic_size=$(($(size repo) - before))
echo "  restic     $restic_size $(ratio "$restic_size" "$carried")"

# zchunk: each new blob beside the one of the month before that it replaces best is not known; so one file of all blobs in each month.
for month in old new; do
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "${!month}" -cf "$month.tar" blobs
	zck -o "$month.zck" "$month.tar" >/dev/null
done
zchunk_size=$(zck_delta_size old.zck new.zck | awk '/^(Would download|Downloading)|[0-9]+ of [0-9]+ bytes/ { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) { print $i; exit } }')
[ -n "$zchunk_size" ] || { zck_delta_size old.zck new.zck >&2; exit 1; }
echo "  zchunk     $zchunk_size $(ratio "$zchunk_size" "$carried")"
