#!/bin/bash
# What bundles cost, and a stick that is pulled: export and import of an image of 200 MB take at most 64 MB of memory each, and beside the image and the
# bundle no more room than one part: the disks are as large as that. A stick is pulled while it is written and while it is read; the same command again
# completes, and no part is written twice.
. "$(dirname "$0")/lib.sh"
need age age-keygen minisign gpg gpgconf python3 jq losetup mkfs.ext4 /usr/bin/time
need_root_or_die "mounting small disks"
cd "$mine"
export XDG_STATE_HOME=$mine/state

python3 - image <<'END'
import hashlib, json, os, sys
dir = sys.argv[1]
os.makedirs(dir + "/blobs/sha256")
def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    with open(dir + "/blobs/sha256/" + digest, "wb") as f:
        f.write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}
def document(kind, **fields):
    return blob(json.dumps(fields).encode(), kind)
layers = [blob(os.urandom(size << 20), "layer.v1.tar") for size in [1, 3, 90, 5, 40, 61]]
config = document("config.v1+json", architecture="amd64", os="linux", rootfs={"type": "layers", "diff_ids": [l["digest"] for l in layers]})
image = document("manifest.v1+json", schemaVersion=2, mediaType="application/vnd.oci.image.manifest.v1+json", config=config, layers=layers)
json.dump({"schemaVersion": 2, "manifests": [dict(image, annotations={"org.opencontainers.image.ref.name": "site:1"})]}, open(dir + "/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(dir + "/oci-layout", "w"))
END
minisign -G -W -p site.pub -s site.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
export GNUPGHOME=$mine/gnupg
mkdir -m 700 "$GNUPGHOME"
defer gpgconf --homedir "$GNUPGHOME" --kill all
gpg --batch --quiet --passphrase '' --quick-generate-key 'site <site@example.org>' default default 1y 2>/dev/null
gpg --batch --armor --export >pgp.pub
gpg --batch --armor --export-secret-keys >pgp.key
export=("$MINIMIRROR" export oci:image --sign-key site.key) import=("$MINIMIRROR" import) verify=(--verify-key site.pub --identity identity.txt)
same() { diff -r image/blobs "$1/blobs" && diff <(jq -S .manifests image/index.json) <(jq -S .manifests "$1/index.json") || die "$1 has another image"; }

# disk DIR MB mounts a disk of this size, on which temporary files are, too.
disk() {
	mkdir "$1"
	mount -t tmpfs -o "size=$2M" tmpfs "$1"
	defer umount "$mine/$1"
	mkdir "$1/tmp"
}
# within DIR COMMAND… runs a command with temporary files on a disk, and wants that it takes at most 64 MB of memory.
within() {
	local dir=$1
	shift
	TMPDIR=$mine/$dir/tmp /usr/bin/time -f %M -o memory "$@" >within.out 2>within.err || { cat within.err >&2; die "$*"; }
	local mb=$(($(tail -1 memory) / 1000))
	[ "$mb" -le 64 ] || die "$mb MB of memory: $*"
	say "$mb MB of memory: ${*/$MINIMIRROR/minimirror}"
}

image=200 part=16 # MB
say "one part more than the image, and 2 MB for headers and reports"
disk bundle $((image + part + 2))
disk site $((image + part + 2))
again() { rm -rf bundle/stick bundle/stick.tar site/mirror; }
within bundle "${export[@]}" --recipient "$recipient" --to bundle/stick --part-size ${part}M
within site "${import[@]}" bundle/stick --to oci:site/mirror "${verify[@]}"; same site/mirror; again
within bundle "${export[@]}" --plain --to bundle/stick.tar --part-size ${part}M
within site "${import[@]}" bundle/stick.tar --to oci:site/mirror "${verify[@]}"; same site/mirror; again
within bundle "$MINIMIRROR" export oci:image --sign-key pgp.key --recipients-file pgp.pub --to bundle/stick.tar --part-size ${part}M # its size is not known before
within site "${import[@]}" bundle/stick.tar --to oci:site/mirror --verify-key pgp.pub --identity pgp.key; same site/mirror; again
disk pipe $((part + 2))
within pipe bash -c '"$@" | cat >bundle/stick.tar' - "${export[@]}" --recipient "$recipient" --to - --part-size ${part}M
within site bash -c 'cat bundle/stick.tar | "$@"' - "${import[@]}" - --to oci:site/mirror "${verify[@]}"; same site/mirror; again
within pipe bash -c '"$@" | cat >bundle/stick.tar' - "$MINIMIRROR" export oci:image --sign-key pgp.key --recipients-file pgp.pub --to - --part-size ${part}M
within site bash -c 'cat bundle/stick.tar | "$@"' - "${import[@]}" - --to oci:site/mirror --verify-key pgp.pub --identity pgp.key; same site/mirror; again
within bundle "${export[@]}" --layout --to bundle/stick
within site "${import[@]}" bundle/stick --to oci:site/mirror "${verify[@]}"; same site/mirror; again

# pull PATTERN pulls the stick when a file of this name exists: the file system then refuses everything, as when its device is gone.
# Each time it is plugged in, it is a copy: another program's mount namespace may still have the file system that refuses everything.
mkdir stick
plugged=0
truncate -s 300M stick-0.img
mkfs.ext4 -q -F stick-0.img
plug() {
	[ "$plugged" = 0 ] || umount stick
	cp --sparse=always "stick-$plugged.img" "stick-$((plugged + 1)).img"
	rm "stick-$plugged.img"
	plugged=$((plugged + 1))
	mount -o loop "stick-$plugged.img" stick
}
plug
defer umount -q "$mine/stick"
pull() {
	python3 - stick "$1" <<-'END' &
		import fcntl, glob, os, struct, sys, time
		stick = os.open(sys.argv[1], os.O_RDONLY)
		while not glob.glob(sys.argv[2]):
		    time.sleep(0.001)
		fcntl.ioctl(stick, 0x8004587d, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, without writing anything back
	END
	puller=$!
	defer end $puller
}
listed() { jq -r '(.header | @base64d | fromjson).parts[].name' stick/bundle/minimirror.bundle.journal; }

say "a stick that is pulled while it is written"
pull 'stick/bundle/part-0020.tar.age'
code=0
"${export[@]}" --recipient "$recipient" --to stick/bundle --part-size 2M >pulled.out 2>pulled.err || code=$?
wait $puller
[ $code = 1 ] && grep -qi "input/output error" pulled.err || { cat pulled.err >&2; die "exit code $code"; }
plug
names=$(listed)
[ "$(wc -l <<<"$names")" -ge 15 ] || die "few parts arrived: $names"
before=$(cd stick/bundle && xargs sha256sum <<<"$names")
"${export[@]}" --recipient "$recipient" --to stick/bundle --part-size 2M >export.out
[ "$(cd stick/bundle && xargs sha256sum <<<"$names")" = "$before" ] || die "parts were written twice"
(cd stick/bundle && sha256sum --quiet -c SHA256SUMS)

say "and while it is read"
plug
pull 'read/.minimirror-import/*/sha256-*.part'
code=0
"${import[@]}" stick/bundle --to oci:read "${verify[@]}" >pulled.out 2>pulled.err || code=$?
wait $puller
[ $code != 0 ] && grep -qi "input/output error" pulled.err || { cat pulled.err >&2; die "exit code $code"; }
[ ! -e read/index.json ] && [ ! -e read/blobs ] || die "something is visible"
plug
"${import[@]}" stick/bundle --to oci:read "${verify[@]}" >import.out
same read
read -r verified total < <(sed -n 's/.*: \([0-9]*\) of \([0-9]*\) parts read.*/\1 \2/p' import.out)
[ "$verified" -lt "$total" ] || die "all parts were read again: $(cat import.out)"
