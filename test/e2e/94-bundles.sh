#!/bin/bash
# Images cross a gap in bundles: on sticks, in one file and through a pipe; encrypted with age and OpenPGP, and in the clear. The bundles open with
# sha256sum, minisign, gpg, age, tar and skopeo alone. Export and import are killed, run out of space and lose parts, and go on with the same command.
. "$(dirname "$0")/lib.sh"
need age age-keygen minisign gpg gpgconf skopeo jq python3 ssh-keygen tar
cd "$mine"

# images DIR NAME SIZE… adds a made-up image with layers of these sizes to an OCI layout, with an SBOM attached.
images() {
	python3 - "$@" <<-'END'
		import hashlib, json, os, sys
		dir, name, sizes = sys.argv[1], sys.argv[2], sys.argv[3:]
		os.makedirs(dir + "/blobs/sha256", exist_ok=True)
		def blob(data, kind):
		    digest = hashlib.sha256(data).hexdigest()
		    with open(dir + "/blobs/sha256/" + digest, "wb") as f:
		        f.write(data)
		    return {"mediaType": "application/vnd.oci." + kind, "digest": "sha256:" + digest, "size": len(data)}
		def document(kind, **fields):
		    return blob(json.dumps(fields).encode(), kind)
		def manifest(**fields):
		    kind = "image.manifest.v1+json"
		    return document(kind, schemaVersion=2, mediaType="application/vnd.oci." + kind, **fields)
		layers = [blob(os.urandom(int(size)), "image.layer.v1.tar") for size in sizes]
		config = document("image.config.v1+json", architecture="amd64", os="linux", rootfs={"type": "layers", "diff_ids": [l["digest"] for l in layers]})
		image = manifest(config=config, layers=layers)
		sbom = manifest(artifactType="application/spdx+json", config=blob(b"{}", "empty.v1+json"), layers=[blob(b'{"spdxVersion": "SPDX-2.3"}', "sbom")], subject=image)
		index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
		if os.path.exists(dir + "/index.json"):
		    index = json.load(open(dir + "/index.json"))
		index["manifests"] += [dict(image, annotations={"org.opencontainers.image.ref.name": name}), sbom]
		json.dump(index, open(dir + "/index.json", "w"))
		json.dump({"imageLayoutVersion": "1.0.0"}, open(dir + "/oci-layout", "w"))
	END
}

# same DIR wants that an OCI layout has the images of $image, with all their blobs.
same() {
	diff <(cd "$image/blobs" && find . -type f | sort) <(cd "$1/blobs" && find . -type f | sort) || die "$1 has other blobs"
	(cd "$1/blobs/sha256" && for blob in *; do echo "$blob  $blob"; done | sha256sum --quiet -c) || die "$1 has a damaged blob"
	diff <(jq -S .manifests "$image/index.json") <(jq -S .manifests "$1/index.json") || die "$1 has other images"
}

# fails CODE TEXT COMMAND… wants that the command fails with the code, and that standard error has the text.
fails() {
	local code=0
	"${@:3}" >"$mine/fails.out" 2>"$mine/fails.err" || code=$?
	[ "$code" = "$1" ] || { cat "$mine/fails.err" >&2; die "exit code $code instead of $1: ${*:3}"; }
	grep -qF -- "$2" "$mine/fails.err" || { cat "$mine/fails.err" >&2; die "it does not say \"$2\": ${*:3}"; }
}

# hidden DIR wants that nothing is visible in a destination.
hidden() { [ ! -e "$1/index.json" ] && [ ! -e "$1/blobs" ] || die "$1 shows something"; }

image=$mine/image
images "$image" site:1 20000000 500 7000000 9000000
minisign -G -W -p site.pub -s site.key >/dev/null
minisign -G -W -p stranger.pub -s stranger.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
sign=(--sign-key site.key) verify=(--verify-key site.pub)
export=("$MINIMIRROR" export "oci:$image" "${sign[@]}")
import=("$MINIMIRROR" import)

say "a stick, opened by hand"
"${export[@]}" --to stick --recipient "$recipient" --part-size 4M >export.out
[ "$(find stick -name 'part-*.tar.age' | wc -l)" -ge 9 ] || die "too few parts: $(ls stick)"
[ "$(jq -r '.recipients[]' stick/minimirror.bundle.json)" = "$recipient" ] || die "the header does not name the recipient"
by_hand() {
	(cd "$1" && sha256sum --quiet -c SHA256SUMS)
	minisign -Vq -p site.pub -m "$1/minimirror.bundle.json"
	jq -r '.parts[] | .sha256 + "  " + .name' "$1/minimirror.bundle.json" | (cd "$1" && sha256sum --quiet -c)
}
by_hand stick
mkdir opened
for part in stick/part-*.tar.age; do age -d -i identity.txt "$part"; done | tar -x -C opened
same opened
jq -r '.parts[] | .clear.sha256' stick/minimirror.bundle.json >clear.want
for part in stick/part-*.tar.age; do age -d -i identity.txt "$part" | sha256sum | cut -d' ' -f1; done | diff clear.want - || die "other digests in the clear"
skopeo copy --quiet "oci:opened:site:1" oci-archive:copied.tar
[ "$(digest oci:opened:site:1)" = "$(digest "oci:$image:site:1")" ] || die "another digest"

say "and by import"
find stick -type f -exec sha256sum {} + | sort >stick.before
chmod -R a-w stick
"${import[@]}" stick --to oci:site "${verify[@]}" --identity identity.txt >import.out
chmod -R u+w stick
same site
find stick -type f -exec sha256sum {} + | sort | diff stick.before - || die "import changed the stick"
[ ! -e site/.minimirror-import ] || die "the staging folder is still there"
"${import[@]}" stick --to oci:site "${verify[@]}" --identity identity.txt | grep -q "nothing to do" || die "the same bundle again"
"${export[@]}" --to stick --recipient "$recipient" --part-size 4M | grep -q "nothing to do" || die "the same export again"

say "one file, a pipe, media one after the other, plain, a layout, SSH, a passphrase, OpenPGP"
"${export[@]}" --to one.tar --recipient "$recipient" --part-size 8M >export.out
grep -qx '2 images, 9 blobs, 5 of 5 parts, .*: written' export.out || die "it says: $(cat export.out)"
"${export[@]}" --to one-part --plain | grep -q ', 1 of 1 part, ' || die "the number of one part"
"${import[@]}" one.tar --to oci:site-file "${verify[@]}" --identity identity.txt >/dev/null; same site-file
mkdir untarred; tar -x -C untarred -f one.tar; by_hand untarred
"${export[@]}" --to - --recipient "$recipient" --part-size 8M 2>/dev/null | "${import[@]}" - --to oci:site-pipe "${verify[@]}" --identity identity.txt >/dev/null; same site-pipe
"${export[@]}" --to disc-a --to disc-b --to disc-c --media 18M --part-size 4M --plain >/dev/null
fails 1 "missing" "${import[@]}" disc-c --to oci:site-discs "${verify[@]}" && hidden site-discs
fails 1 "missing" "${import[@]}" disc-a --to oci:site-discs "${verify[@]}" && hidden site-discs
"${import[@]}" disc-b --to oci:site-discs "${verify[@]}" >/dev/null; same site-discs
for disc in disc-?; do (cd $disc && sha256sum --quiet -c SHA256SUMS) && [ "$(du -sb $disc | cut -f1)" -le 18874368 ] || die "$disc"; done
"${export[@]}" --to plain --plain --part-size 4M >/dev/null
by_hand plain
mkdir catted; cat plain/part-*.tar | tar -x -C catted; same catted
"${export[@]}" --to layout --layout >/dev/null
by_hand layout; same layout; skopeo inspect oci:layout:site:1 >/dev/null
"${import[@]}" layout --to oci:site-layout "${verify[@]}" >/dev/null; same site-layout
ssh-keygen -q -t ed25519 -N '' -f ssh.key -C nobody
"${export[@]}" --to ssh --recipient "$(cat ssh.key.pub)" >/dev/null
"${import[@]}" ssh --to oci:site-ssh "${verify[@]}" --identity ssh.key >/dev/null; same site-ssh
export MINIMIRROR_PASSPHRASE="correct horse"
"${export[@]}" --to pass --passphrase >/dev/null
"${import[@]}" pass --to oci:site-pass "${verify[@]}" --passphrase >/dev/null; same site-pass
MINIMIRROR_PASSPHRASE=wrong fails 4 "none of the identities" "${import[@]}" pass --to oci:site-wrong "${verify[@]}" --passphrase
unset MINIMIRROR_PASSPHRASE

export GNUPGHOME=$mine/gnupg
mkdir -m 700 "$GNUPGHOME"
defer gpgconf --homedir "$GNUPGHOME" --kill all
gpg --batch --quiet --passphrase '' --quick-generate-key 'site <site@example.org>' default default 1y 2>/dev/null
gpg --batch --armor --export >pgp.pub
gpg --batch --armor --export-secret-keys >pgp.key
"$MINIMIRROR" export "oci:$image" --sign-key pgp.key --recipients-file pgp.pub --to pgp --part-size 8M >/dev/null
gpg --batch --quiet --verify pgp/minimirror.bundle.json.asc pgp/minimirror.bundle.json 2>/dev/null || die "gpg does not verify the header"
(cd pgp && sha256sum --quiet -c SHA256SUMS)
mkdir pgp-opened
for part in pgp/part-*.tar.gpg; do gpg --batch --quiet --decrypt "$part" 2>/dev/null; done | tar -x -C pgp-opened; same pgp-opened
"${import[@]}" pgp --to oci:site-pgp --verify-key pgp.pub --identity pgp.key >/dev/null; same site-pgp
"$MINIMIRROR" export "oci:$image" --sign-key pgp.key --recipients-file pgp.pub --to - --part-size 8M 2>/dev/null | "${import[@]}" - --to oci:site-pgp-pipe --verify-key pgp.pub --identity pgp.key >/dev/null; same site-pgp-pipe

# A key whose expiry was set after its private part had been given away: what is signed today is refused, whatever the clock says; and the key signs no more.
at() { gpg --batch --quiet --faked-system-time "$1T000000!" --passphrase '' --no-tty "${@:2}" 2>/dev/null; }
at 20200101 --quick-generate-key 'late <late@example.org>' ed25519 sign never
late=$(gpg --batch --with-colons --list-keys late@example.org | awk -F: '$1 == "fpr" { print $10; exit }')
gpg --batch --armor --export-secret-keys "$late" >late.key
"$MINIMIRROR" export "oci:$image" --sign-key late.key --plain --to late >/dev/null
gpg --batch --armor --export "$late" >late.pub
"${import[@]}" late --to oci:site-late --verify-key late.pub >/dev/null; same site-late
at 20200102 --quick-set-expire "$late" 1y
gpg --batch --armor --export "$late" >expired.pub
gpg --batch --armor --export-secret-keys "$late" >expired.key
fails 4 "expired" "${import[@]}" late --to oci:site-expired --verify-key expired.pub && hidden site-expired
fails 1 "expired on 2021-01-01" "$MINIMIRROR" export "oci:$image" --sign-key expired.key --plain --to expired
[ ! -e expired ] || die "a bundle was begun with an expired key"

say "cut anew, a delta, a part alone"
"$MINIMIRROR" export --from stick "${verify[@]}" --identity identity.txt "${sign[@]}" --plain --part-size 10M --to anew >/dev/null
"${import[@]}" anew --to oci:site-anew "${verify[@]}" >/dev/null; same site-anew
cp -r "$image" image-2
images image-2 site:2 1000000
"$MINIMIRROR" export oci:image-2 --have "oci:$image" "${sign[@]}" --plain --to delta --sequence 99999999999 >/dev/null
[ "$(du -sb delta | cut -f1)" -lt 1200000 ] || die "the delta is too large"
fails 4 "builds on 9 blobs" "${import[@]}" delta --to oci:site-empty "${verify[@]}" && hidden site-empty
cp -r site site-2
"${import[@]}" delta --to oci:site-2 "${verify[@]}" >/dev/null
(image=$mine/image-2 && same site-2)
fails 4 "--allow-older" "${import[@]}" stick --to oci:site-2 "${verify[@]}" --identity identity.txt
"${import[@]}" stick --to oci:site-2 "${verify[@]}" --identity identity.txt --allow-older >/dev/null
(image=$mine/image-2 && same site-2)
cp -r stick torn && truncate -s 100000 torn/part-0003.tar.age && rm torn/part-0005.tar.age
fails 4 "part-0003.tar.age (torn): cut off" "${import[@]}" torn --to oci:site-torn "${verify[@]}" --identity identity.txt && hidden site-torn
grep -q -- '--parts 3,5$' fails.err || die "no hint: $(cat fails.err)"
"${export[@]}" --to again --recipient "$recipient" --part-size 4M --parts 3,5 >/dev/null
[ "$(find again -name 'part-*' | wc -l)" = 2 ] || die "other parts: $(ls again)"
"${import[@]}" torn again --to oci:site-torn "${verify[@]}" --identity identity.txt | grep -q "2 of .* parts read" || die "parts were read again"
same site-torn

say "what is not there: a hint, and no report, for nothing was opened"
export XDG_STATE_HOME=$mine/state
fails 1 "nowhere: no such file or directory" "${import[@]}" nowhere --to oci:site-no "${verify[@]}"
grep -q "hint: mount the stick, or name the folder" fails.err || die "no hint: $(cat fails.err)"
fails 1 "hint: mount the stick" "${import[@]}" stick nowhere.tar --to docker://registry.example.org "${verify[@]}"
fails 1 "hint: mount the stick" "$MINIMIRROR" verify nowhere "${verify[@]}" --report nowhere.json
fails 1 "hint: mount the stick" "$MINIMIRROR" export --from nowhere "${verify[@]}" --to anew-2 "${sign[@]}" --plain
fails 1 "hint: name the file with the signer's public key" "${import[@]}" stick --to oci:site-no --verify-key nowhere.pub
fails 1 "hint: name the file with the private key" "${import[@]}" stick --to oci:site-no "${verify[@]}" --identity nowhere.txt
fails 1 "hint: make a key: minisign -G -W -p nowhere.pub -s nowhere.key" "$MINIMIRROR" export "oci:$image" --to anew-2 --sign-key nowhere.key --plain
[ ! -e "$XDG_STATE_HOME" ] && [ ! -e nowhere.json ] && [ ! -e site-no ] && [ ! -e anew-2 ] || die "something was written"
mkdir no-bundle
fails 1 "there is no bundle" "${import[@]}" no-bundle --to oci:site-no "${verify[@]}"
grep -l '"verdict": "failed"' "$XDG_STATE_HOME"/minimirror/minimirror.reports/no-bundle-*.json >/dev/null || die "no report of a folder without a bundle"

say "what is refused"
fails 4 "is signed by the key with the id" "${import[@]}" stick --to oci:site-no --verify-key stranger.pub --identity identity.txt && hidden site-no
age-keygen -o other.txt 2>/dev/null
fails 4 "encrypted for $recipient" "${import[@]}" stick --to oci:site-no "${verify[@]}" --identity other.txt && hidden site-no
fails 2 "--identity" "${import[@]}" stick --to oci:site-no "${verify[@]}" && hidden site-no
fails 2 "--verify-key is missing" "${import[@]}" stick --to oci:site-no
fails 2 "--sign-key is missing" "$MINIMIRROR" export "oci:$image" --to nowhere --plain
fails 2 "who may read the bundle" "${export[@]}" --to nowhere
cp -r plain unsigned && rm unsigned/*.minisig
fails 4 "not signed" "${import[@]}" unsigned --to oci:site-no "${verify[@]}" && hidden site-no
fails 1 "another bundle" "${export[@]}" --to delta --plain
fails 1 "another key" "$MINIMIRROR" export "oci:$image" --sign-key stranger.key --to plain --plain --part-size 4M
fails 2 "skopeo copy docker-archive:docker.tar" "$MINIMIRROR" export docker-archive:docker.tar --to nowhere "${sign[@]}" --plain
fails 1 "no image \"absent\"" "$MINIMIRROR" export "oci:$image:absent" --to nowhere "${sign[@]}" --plain
mkdir full && touch full/file
fails 1 "not an OCI image layout" "${import[@]}" plain --to oci:full "${verify[@]}"

# killed COMMAND… runs the command 20 times, and kills it at a random moment each time; then once more, to the end.
killed() {
	local i pid
	for i in $(seq 20); do
		"$@" >killed.out 2>&1 &
		pid=$!
		sleep "0.$(printf %03d $((RANDOM % 400)))"
		[ "$i" -le 10 ] || [ $compared -gt 0 ] || sleep 1 # a slow machine
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		between
	done
	"$@" >killed.out 2>&1 || { cat killed.out >&2; die "after 20 kills: $*"; }
}
say "export killed at 20 random moments"
# A part that the journal lists is never written again.
compared=0
between() {
	local journal=killed-stick/minimirror.bundle.journal
	[ ! -e "${journal%.journal}.json" ] || {
		[ ! -e killed-parts ] || while read -r name inode; do
			[ "$(stat -c %i "killed-stick/$name")" = "$inode" ] || die "$name was written twice"
			compared=$((compared + 1))
		done <killed-parts
		jq -r '(.header | @base64d | fromjson).parts // [] | .[].name' $journal 2>/dev/null | while read -r name; do echo "$name $(stat -c %i "killed-stick/$name")"; done >killed-parts || true
	}
}
killed "${export[@]}" --to killed-stick --recipient "$recipient" --part-size 1M
between
[ $compared -gt 0 ] || die "no part was written before a kill"
by_hand killed-stick
[ -z "$(find killed-stick -name '*journal*' -o -name '.minimirror*')" ] || die "something is left: $(ls -A killed-stick)"
between() { :; }
killed "${export[@]}" --to killed.tar --recipient "$recipient" --part-size 1M
"${import[@]}" killed.tar --to oci:site-killed-file "${verify[@]}" --identity identity.txt >/dev/null; same site-killed-file

say "import killed at 20 random moments"
# What was verified is never written again: whole blobs, and the pieces of blobs that are in several parts.
between() {
	[ -e killed-site ] || return 0 # killed before it began
	[ ! -e killed-site/index.json ] || same killed-site
	find killed-site -type f -regextype posix-extended -regex '.*/(sha256-)?[0-9a-f]{64}' -printf '%f %i\n' | sed 's/^sha256-//' | sort >blobs.now
	jq -r 'to_entries[] | (.key | ltrimstr("sha256:")) as $blob | .value[] | "\($blob) \(.offset) \(.size)"' killed-site/.minimirror-import/*/pieces.json 2>/dev/null | sort >pieces.now || true
	compared=$((compared + $(wc -l <blobs.before)))
	[ -z "$(comm -23 blobs.before blobs.now)" ] || die "written twice: $(comm -23 blobs.before blobs.now)"
	comm -23 pieces.before pieces.now | cut -d' ' -f1 | sort -u >complete
	[ -z "$(comm -23 complete <(cut -d' ' -f1 blobs.now))" ] || die "pieces are lost: $(comm -23 pieces.before pieces.now)"
	mv blobs.now blobs.before
	mv pieces.now pieces.before
}
: >blobs.before
: >pieces.before
compared=0
killed "${import[@]}" killed-stick --to oci:killed-site "${verify[@]}" --identity identity.txt
between
[ $compared -gt 0 ] || die "no blob was stored before a kill"
same killed-site

if [ "$(id -u)" = 0 ]; then
	say "full disks"
	mkdir small
	mount -t tmpfs -o size=14M tmpfs small
	defer umount "$mine/small"
	fails 1 "small/stick has room for" "${export[@]}" --to small/stick --plain --part-size 2M
	[ ! -e small/stick ] || die "something was written"
	fails 1 "no space left" "${export[@]}" --to small/stick --plain --part-size 2M --media 1G
	grep -q "hint: free some space and run the same command again" fails.err || die "no hint: $(cat fails.err)"
	(cd small/stick && stat -c '%n %i' part-*) >full.before
	[ "$(wc -l <full.before)" -ge 4 ] || die "too few parts before the disk was full: $(cat full.before)"
	mount -o remount,size=60M small
	"${export[@]}" --to small/stick --plain --part-size 2M --media 1G >export.out
	(cd small/stick && stat -c '%n %i' part-*) >full.after
	[ "$(comm -12 full.before full.after | wc -l)" = "$(wc -l <full.before)" ] || die "parts were written twice"
	by_hand small/stick
	rm -r small/stick
	mount -o remount,size=14M small
	"${export[@]}" --to small/stick --to big-stick --plain --part-size 2M >/dev/null
	"${import[@]}" small/stick big-stick --to oci:site-two "${verify[@]}" >/dev/null; same site-two
	rm -r small/stick
	fails 1 "no space left" "${import[@]}" stick --to oci:small/site "${verify[@]}" --identity identity.txt
	hidden small/site
	mount -o remount,size=80M small
	"${import[@]}" stick --to oci:small/site "${verify[@]}" --identity identity.txt | grep -q "parts read" || die "import after a full disk"
	same small/site
fi

say "an image of miniMirror itself"
small_definition own
"$MINIMIRROR" lock "$definition" >/dev/null 2>&1
"$MINIMIRROR" build "$definition" --output oci:own-image >/dev/null 2>build.log || { cat build.log >&2; die "build"; }
"$MINIMIRROR" export oci:own-image --to - "${sign[@]}" --recipient "$recipient" 2>/dev/null | "${import[@]}" - --to oci:own-site "${verify[@]}" --identity identity.txt >/dev/null
(image=$mine/own-image && same own-site)
"$MINIMIRROR" verify oci:own-site >/dev/null
fetches_from oci:own-site app
