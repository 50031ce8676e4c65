#!/bin/bash
# Genesis with the other container runtimes: on a bare minimal root with no network, containerd and podman
# are installed out of the image, take the same image, and run it as the mirror; apt installs from it.
. "$(dirname "$0")/lib.sh"
need curl skopeo
need_root_or_die "a root file system"
bare_root "$mine/root"
root=$mine/root
install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
definition runtimes <<-END
	debian:
	  sources: host
	  packages: [hello]
	sets:
	  containerd: { debian: [containerd, runc] }
	  podman: { debian: [podman, runc] }
END
"$MINIMIRROR" build "$definition" --output "docker-archive:$root/mirror.tar"
"$MINIMIRROR" build "$definition" --output "oci-archive:$root/mirror.oci.tar"
one_name "$root/mirror.tar"
kit=$name
one_name "$root/mirror.oci.tar"
[ "$name" = "$kit" ] || die "the same lock has two names: $kit, $name"
netns_up runtimes
node_up "$root"
url=http://127.0.0.1:8080

# installs SET installs it.
installs() {
	on_node minimirror bootstrap --image docker-archive:/mirror.tar --set "$1" --install --no-start >"$mine/$1.log" 2>&1 || { tail "$mine/$1.log" >&2; die "bootstrap --set $1"; }
	[ -z "$(on_node dpkg --audit)" ] || die "dpkg --audit: $(on_node dpkg --audit)"
}

# loads PROGRAM loads the image, makes apt a client of the mirror, and sets $name.
loads() {
	on_node minimirror bootstrap --image docker-archive:/mirror.tar --load "$1" --configure-apt "$url" --disable-other-sources >"$mine/load-$1.log" 2>&1 || { cat "$mine/load-$1.log" >&2; die "--load $1"; }
	name=$(sed -n "s/^$1 has the image: //p" "$mine/load-$1.log")
	[ "$name" = "$kit" ] || die "another name than the kit's $kit: $(cat "$mine/load-$1.log")"
	"names_$1" | called "--load $1" "$kit" "${kit%:*}:latest"
}
names_containerd() { on_node ctr --namespace k8s.io images ls --quiet | grep -v '^sha256:'; }
names_podman() { on_node podman images --format '{{.Repository}}:{{.Tag}}'; }

say "containerd"
installs containerd
! on_node minimirror bootstrap --image docker-archive:/mirror.tar --load containerd 2>"$mine/no-daemon.log" || die "it loads without a daemon"
grep -q '^hint: check that the daemon is running' "$mine/no-daemon.log" || die "no hint without a daemon: $(cat "$mine/no-daemon.log")"
"${node_enter[@]}" containerd >"$mine/containerd.log" 2>&1 &
containerd=$!
defer end "$containerd"
await "$containerd" "$mine/containerd.log" 'containerd successfully booted'
# ctr unpacks what it imports: containerd removes images at its leisure, and keeps what another name has.
on_node ctr --namespace k8s.io images import /mirror.tar >/dev/null
names_containerd | called "ctr images import" "$kit" "${kit%:*}:latest"
on_node ctr --namespace k8s.io images rm --sync "$kit" "${kit%:*}:latest" >/dev/null
on_node ctr --namespace k8s.io images import /mirror.oci.tar >/dev/null
names_containerd | called "ctr images import, of an OCI archive," "$kit"
loads containerd

say "containerd pulls an update: what is new, and little else"
mkdir -p "$mine/data"
for i in 1 2 3 4 5 6; do head -c 1000000 /dev/urandom >"$mine/data/file$i"; done
definition update <<-END
	files:
	  - { name: data, path: $mine/data }
END
start_registry
go_program troubled ./test/e2e/troubled
"${inside[@]}" "$work/troubled" "http://$registry" none >"$mine/counting.log" 2>&1 &
defer end $!
await $! "$mine/counting.log" '^127.*'
counting=$said
pulls() {
	"${inside[@]}" "$MINIMIRROR" build "$definition" --output "docker://$registry/site/update:$1"
	on_node ctr --namespace k8s.io images pull --plain-http "$counting/site/update:$1" >/dev/null
	sent=$(get "http://$counting/sent" | cut -d' ' -f2)
}
pulls 1
before=$sent
head -c 1000000 /dev/urandom >"$mine/data/file3"
"$MINIMIRROR" lock "$definition" --update
pulls 2
say "containerd pulled $before bytes, and $((sent - before)) for an update of 1000000"
[ $((sent - before)) -le 1100000 ] || die "containerd pulled more than the update"

# Its name is that of a cgroup, too, which all who run beside share.
touch "$root/etc/hosts" "$root/etc/resolv.conf" # ctr wants them for --net-host
"${node_enter[@]}" ctr --namespace k8s.io run --rm --net-host --read-only "$name" runtimes >"$mine/mirror.log" 2>&1 &
mirror=$!
await_ready
apt_on_node
on_node ctr --namespace k8s.io task kill --signal SIGTERM runtimes
wait "$mirror" || { tail "$mine/mirror.log" >&2; die "the mirror does not end by SIGTERM"; }
on_node apt-get --quiet --quiet --yes remove hello >/dev/null
on_node ctr --namespace k8s.io images export /exported.tar "$name"
carries "docker-archive:$root/mirror.tar" containerd
carries "oci-archive:$root/exported.tar" containerd
carries "docker-archive:$root/exported.tar" containerd
image=$(digest "oci-archive:$root/exported.tar")
on_node ctr --namespace k8s.io images tag "$name" registry.example.org/site/one:1 >/dev/null
on_node ctr --namespace k8s.io images export /exported.tar registry.example.org/site/one:1
for ref in "oci-archive:$root/exported.tar" "docker-archive:$root/exported.tar"; do locks_from "$ref" "$image"; done

say "podman"
installs podman
# On the machine of a test: cgroups of version 1 without systemd, and hard limits that only fall.
mkdir -p "$root/etc/containers"
printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
	"$(ulimit -Hn)" "$(ulimit -Hn)" 10000 10000 >"$root/etc/containers/containers.conf"
on_node podman load --quiet --input /mirror.tar >/dev/null
names_podman | called "podman load" "$kit" "${kit%:*}:latest"
on_node podman rmi "$kit" "${kit%:*}:latest" >/dev/null
on_node podman load --quiet --input /mirror.oci.tar >/dev/null
names_podman | called "podman load, of an OCI archive," "$kit"
loads podman
on_node podman run --detach --name mirror --network host --read-only --cap-drop all --security-opt no-new-privileges --user 12345 "$name" >/dev/null
end_podman() { on_node podman rm --force --all >/dev/null; }
defer end_podman
await_ready
apt_on_node
on_node podman stop --time 10 mirror >/dev/null
[ "$(on_node podman inspect --format '{{.State.ExitCode}}' mirror)" = 0 ] || die "the mirror does not end by SIGTERM"

say "what podman save writes is an image, too"
on_node podman tag "$name" registry.example.org/site/one:1
for format in docker-archive oci-archive oci-dir docker-dir; do
	on_node podman save --quiet --format "$format" --output "/saved.$format" registry.example.org/site/one:1
done
for ref in "docker-archive:$root/saved.docker-archive" "oci-archive:$root/saved.oci-archive" "oci:$root/saved.oci-dir"; do carries "$ref" containerd; done
locks_from "docker-archive:$root/saved.docker-archive" "$(on_node podman inspect --format '{{.Id}}' "$name")"
for ref in "oci-archive:$root/saved.oci-archive" "oci:$root/saved.oci-dir"; do locks_from "$ref" "$(digest "$ref")"; done
! "$MINIMIRROR" bootstrap --image "$root/saved.docker-dir" --list 2>"$mine/docker-dir.log" || die "docker-dir is read"
grep -q '^hint: .*skopeo copy dir:' "$mine/docker-dir.log" || die "no hint: $(cat "$mine/docker-dir.log")"
