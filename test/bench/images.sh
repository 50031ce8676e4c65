#!/bin/bash
# usage: images.sh [SHARE]
#
# A cluster's images in small: 500 tags for four platforms in 100 repositories, of a size of 60 GB / SHARE (default 20), with one blob of 5 GB / SHARE,
# from an OCI layout. It prints the time and memory of lock and build, the layers, and what an update carries after which one tag in 20 is another.
# Not a part of run.sh: it takes some minutes, and three times the size on the disk.
. "$(dirname "$0")/lib.sh"
share=${1:-20}
cat >"$work/make.py" <<'END'
import hashlib, json, os, random, sys
layout, share, month = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(1)
blobs = os.path.join(layout, "blobs", "sha256")
os.makedirs(blobs, exist_ok=True)
made = {}
def put(kind, data, **more):
    digest = hashlib.sha256(data).hexdigest()
    path = os.path.join(blobs, digest)
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.write(data)
        made[digest] = len(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data), **more}
def content(name, size):
    return random.Random(name).randbytes(size)
def encoded(v):
    return json.dumps(v).encode()
tags = []
for r in range(100):
    for t in range(5):
        sizes = [random.expovariate(1 / 4) + 1 for _ in range(4)]
        changed = random.random() < 0.05 and month > 0
        tags.append((r, t, sizes, month if changed else 0))
base = [random.expovariate(1 / 4) + 1 for _ in range(400)]
unit = (60e9 - 5e9) / share / (sum(base) + sum(3 * s for _, _, sizes, _ in tags for s in sizes))
listed = []
for r, t, sizes, version in tags:
    manifests = []
    for p, name in enumerate(["linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"]):
        system, architecture = name.split("/")
        layers = [put("layer.v1.tar", content(f"base {r} {p}", int(unit * base[4 * r + p]))),
                  put("layer.v1.tar", content(f"{r} {t} {p} {version}", int(unit * 3 * sizes[p])))]
        if (r, t, p) == (0, 0, 0):
            layers.append(put("layer.v1.tar", content("model", int(5e9 / share))))
        config = put("config.v1+json", encoded({"os": system, "architecture": architecture, "config": {}, "rootfs": {"type": "layers", "diff_ids": [l["digest"] for l in layers]}}))
        manifests.append(put("manifest.v1+json", encoded({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}),
                             platform={"os": system, "architecture": architecture}))
    index = put("index.v1+json", encoded({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}))
    index["annotations"] = {"org.opencontainers.image.ref.name": f"team{r % 10}/app{r}:1.{t}"}
    listed.append(index)
with open(os.path.join(layout, "index.json"), "wb") as f:
    f.write(encoded({"schemaVersion": 2, "manifests": listed}))
with open(os.path.join(layout, "oci-layout"), "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
print(sum(made.values()))
END
mkdir -p "$work/definition"
printf 'name: cluster\nimages:\n- { name: registry.example.org, from: "oci:%s", platforms: all, take: ["**:*"] }\n' "$work/layout" >"$work/definition/mirror.yaml"
seconds() { local start=${EPOCHREALTIME/./}; "$@"; echo "$(((${EPOCHREALTIME/./} - start) / 100000))" | sed 's/.$/.&/' >"$work/seconds"; }
layers() { # prints the digests and sizes of the layers of the image
	python3 - "$work/image" <<'END'
import json, os, sys
def read(digest):
    return json.load(open(os.path.join(sys.argv[1], "blobs", *digest.split(":"))))
m = read(json.load(open(os.path.join(sys.argv[1], "index.json")))["manifests"][0]["digest"])
while "layers" not in m:
    m = read(m["manifests"][0]["digest"])
for l in m["layers"]:
    print(l["digest"], l["size"])
END
}
for month in 0 1; do
	new=$(python3 "$work/make.py" "$work/layout" "$share" $month)
	update=()
	[ $month = 0 ] || update=(--update)
	seconds peak "$minimirror" lock "$work/definition" "${update[@]}" >"$work/memory"
	echo "lock: $((new / 1000000)) MB of new blobs, $(cat "$work/seconds") s, $(cat "$work/memory") MB of memory"
	seconds peak "$minimirror" build "$work/definition" --output "oci:$work/image" >"$work/memory"
	grep -E '^minimirror.local|layers' "$work/out" || true
	layers | sort >"$work/layers-$month"
	awk -v s="$(cat "$work/seconds")" -v m="$(cat "$work/memory")" '{ n++; all += $2; if ($2 > most) most = $2 } END { printf "build: %s s, %s MB of memory; %d layers, %.1f MB, the largest %.1f MB\n", s, m, n, all / 1e6, most / 1e6 }' "$work/layers-$month"
done
# The program, what is generated and the catalog are in layers of their own, which change as well.
comm -13 "$work/layers-0" "$work/layers-1" | awk -v new="$new" '{ n++; all += $2 } END { printf "the update: %d layers, %.1f MB, %.3f of the new blobs\n", n, all / 1e6, all / new }'
"$minimirror" serve --image "oci:$work/image" --audit none --listen 127.0.0.1:0 >"$work/serve.log" 2>&1 &
pids+=($!)
for _ in $(seq 600); do grep -q 'listening on' "$work/serve.log" && break; sleep 0.1; done
awk '/VmHWM/ { printf "serve: %d MB of memory after the start\n", $2 / 1000 }' "/proc/${pids[-1]}/status"
