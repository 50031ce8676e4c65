#!/bin/bash
# usage: bundles.sh [MB]
#
# Export and import of an image of random bytes (default: 2048 MB in 8 layers), beside other programs on the same bytes, in the same run:
#
#   encrypted:  tar | age, then sha256sum          (what a script does; its wall time)
#               age, and openssl dgst -sha256      (their processor time)
#   plain:      cp, then sha256sum
#
# For each it prints wall time, processor time (user and system) and the most memory, the best of $RUNS runs (default 3), and the ratios. Not a part
# of run.sh: it needs five times the size on the disk.
. "$(dirname "$0")/lib.sh"
for tool in age age-keygen minisign openssl python3 /usr/bin/time; do command -v "$tool" >/dev/null || { echo "$tool is missing; type: sudo test/e2e/setup.sh" >&2; exit 1; }; done
mb=${1:-2048} runs=${RUNS:-3}
cd "$work"
python3 - image "$mb" <<'END'
import hashlib, json, os, sys
dir, mb = sys.argv[1], int(sys.argv[2])
os.makedirs(dir + "/blobs/sha256")
def keep(path, digest, size, kind):
    os.rename(path, dir + "/blobs/sha256/" + digest)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": size}
def document(kind, **fields):
    data = json.dumps(fields).encode()
    with open("blob", "wb") as f:
        f.write(data)
    return keep("blob", hashlib.sha256(data).hexdigest(), len(data), kind)
layers = []
for _ in range(8):
    h = hashlib.sha256()
    with open("blob", "wb") as f:
        for _ in range(mb // 8):
            data = os.urandom(1 << 20)
            h.update(data)
            f.write(data)
    layers.append(keep("blob", h.hexdigest(), mb // 8 << 20, "layer.v1.tar"))
config = document("config.v1+json", architecture="amd64", os="linux", rootfs={"type": "layers", "diff_ids": [l["digest"] for l in layers]})
image = document("manifest.v1+json", schemaVersion=2, mediaType="application/vnd.oci.image.manifest.v1+json", config=config, layers=layers)
json.dump({"schemaVersion": 2, "manifests": [dict(image, annotations={"org.opencontainers.image.ref.name": "site:1"})]}, open(dir + "/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(dir + "/oci-layout", "w"))
END
minisign -G -W -p site.pub -s site.key >/dev/null
age-keygen -o identity.txt 2>/dev/null
recipient=$(age-keygen -y identity.txt)
tar -cf whole.tar -C image .

# measure NAME COMMAND… sets NAME_wall, NAME_cpu (ms) and NAME_mb of the best run, and prints them. Before each run, $before.
before=true
measure() {
	local -n wall=$1_wall cpu=$1_cpu memory=$1_mb
	local name=$1 i w c m
	shift
	wall='' cpu='' memory=0
	for ((i = 0; i < runs; i++)); do
		eval "$before"
		sync
		/usr/bin/time -f '%e %U %S %M' -o time "$@" >out 2>&1 || { cat out >&2; exit 1; }
		read -r w c m < <(awk '{ print $1 * 1000, ($2 + $3) * 1000, int($4 / 1000) }' time)
		[ -n "$wall" ] && [ "$wall" -le "$w" ] || wall=$w
		[ -n "$cpu" ] && [ "$cpu" -le "$c" ] || cpu=$c
		[ "$memory" -ge "$m" ] || memory=$m
	done
	printf '%-34s wall %6d ms   processor %6d ms   memory %4d MB\n' "$name" "$wall" "$cpu" "$memory"
}
script() { printf '%s\n' '#!/bin/bash' 'set -euo pipefail' "$2" >"$1"; chmod +x "$1"; }

script hand "tar -C image -cf - . | age -r $recipient -o hand.age && sha256sum hand.age >hand.sum"
script hand_back 'sha256sum -c --quiet hand.sum && mkdir hand-image && age -d -i identity.txt hand.age | tar -x -C hand-image'
script copy 'mkdir copied && cp -r image copied/ && find copied -type f -exec sha256sum {} + >copied.sum'
before='rm -rf hand.age'; measure tar_age_sha256sum ./hand
before='rm -rf hand-image'; measure sha256sum_age_tar ./hand_back
before='rm -rf copied'; measure cp_sha256sum ./copy
rm -rf copied hand-image
before='rm -f just.age'; measure age_encrypt age -r "$recipient" -o just.age whole.tar
before='rm -f just'; measure age_decrypt age -d -i identity.txt -o just just.age
before=true; measure openssl_sha256 openssl dgst -sha256 whole.tar
rm -f just just.age hand.age whole.tar

before='rm -rf bundle'; measure export_age "$minimirror" export oci:image --to bundle --sign-key site.key --recipient "$recipient"
before='rm -rf site'; measure import_age "$minimirror" import bundle --to oci:site --verify-key site.pub --identity identity.txt
diff -r image/blobs site/blobs
before='rm -rf bundle'; measure export_plain "$minimirror" export oci:image --to bundle --sign-key site.key --plain
before='rm -rf site'; measure import_plain "$minimirror" import bundle --to oci:site --verify-key site.pub
diff -r image/blobs site/blobs
before='rm -rf bundle.tar'; rm -rf bundle
measure export_file "$minimirror" export oci:image --to bundle.tar --sign-key site.key --recipient "$recipient"
before='rm -rf site'; measure import_pipe bash -c "$minimirror import - --to oci:site --verify-key site.pub --identity identity.txt <bundle.tar"

echo "$mb MB, best of $runs runs:"
echo "export, encrypted: processor $(ratio "$export_age_cpu" $((age_encrypt_cpu + openssl_sha256_cpu))) × (age + openssl dgst), wall $(ratio "$export_age_wall" "$tar_age_sha256sum_wall") × (tar | age, then sha256sum), memory $export_age_mb MB"
echo "import, encrypted: processor $(ratio "$import_age_cpu" $((age_decrypt_cpu + openssl_sha256_cpu))) × (age -d + openssl dgst), wall $(ratio "$import_age_wall" "$sha256sum_age_tar_wall") × (sha256sum, then age -d | tar), memory $import_age_mb MB"
echo "export, plain: wall $(ratio "$export_plain_wall" "$cp_sha256sum_wall"), processor $(ratio "$export_plain_cpu" "$cp_sha256sum_cpu") × (cp, then sha256sum), memory $export_plain_mb MB"
echo "import, plain: wall $(ratio "$import_plain_wall" "$cp_sha256sum_wall"), processor $(ratio "$import_plain_cpu" "$cp_sha256sum_cpu") × (cp, then sha256sum), memory $import_plain_mb MB"
echo "one file: export memory $export_file_mb MB; from a pipe: import memory $import_pipe_mb MB"
