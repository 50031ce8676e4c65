#!/bin/bash
# Genesis: on a bare minimal root with no network, one command installs Docker out
# of the image, starts nothing; the daemon starts; a second one loads the same
# image into it; it runs there as the mirror, and apt installs from it.
. "$(dirname "$0")/lib.sh"
need curl
need_root_or_die "a root file system"
bare_root "$mine/root"
root=$mine/root
install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
definition genesis <<-END
	debian:
	  sources: host
	  packages: [hello]
	sets:
	  docker: { debian: [docker.io, iptables, ca-certificates] }
END
"$MINIMIRROR" build "$definition" --output "docker-archive:$root/mirror.tar"
netns_up genesis

node_up "$root"

say "one command: Docker is installed"
on_node minimirror bootstrap --image docker-archive:/mirror.tar --set docker --install --no-start >"$mine/bootstrap.log" 2>&1 || { tail "$mine/bootstrap.log" >&2; die "bootstrap"; }
[ -z "$(on_node dpkg --audit)" ] || die "dpkg --audit: $(on_node dpkg --audit)"
! on_node minimirror bootstrap --image docker-archive:/mirror.tar --load docker 2>"$mine/no-daemon.log" || die "it loads without a daemon"
grep -q '^hint: check that the daemon is running' "$mine/no-daemon.log" || die "no hint without a daemon: $(cat "$mine/no-daemon.log")"

say "the daemon starts"
"${node_enter[@]}" dockerd --data-root /var/lib/docker --exec-root /run/docker --pidfile /run/docker.pid -H unix:///var/run/docker.sock >"$mine/dockerd.log" 2>&1 &
dockerd=$!
defer end "$dockerd"
await "$dockerd" "$mine/dockerd.log" 'API listen on'

say "docker load, by hand and by us, gives the kit's name"
one_name "$root/mirror.tar"
kit=$name
docker_names() { on_node docker images --format '{{.Repository}}:{{.Tag}}'; }
on_node docker load --quiet --input /mirror.tar >/dev/null
docker_names | called "docker load" "$kit" "${kit%:*}:latest"
on_node docker rmi "$kit" "${kit%:*}:latest" >/dev/null

say "the image is loaded, and runs as the mirror"
on_node minimirror bootstrap --image docker-archive:/mirror.tar --load docker --configure-apt http://127.0.0.1:8080 --disable-other-sources >"$mine/load.log" 2>&1 || { cat "$mine/load.log" >&2; die "--load docker"; }
name=$(sed -n 's/^docker has the image: //p' "$mine/load.log")
[ "$name" = "$kit" ] || die "another name than the kit's $kit: $(cat "$mine/load.log")"
docker_names | called "--load docker" "$kit" "${kit%:*}:latest"
on_node docker run --detach --name mirror --read-only --cap-drop ALL --security-opt no-new-privileges --user 12345 --publish 127.0.0.1:8080:8080 "$name" >/dev/null
url=http://127.0.0.1:8080
await_ready
apt_on_node
on_node docker stop --time 10 mirror >/dev/null
[ "$(on_node docker inspect --format '{{.State.ExitCode}}' mirror)" = 0 ] || die "the mirror does not end by SIGTERM"

say "what docker save writes is an image, too"
carries "docker-archive:$root/mirror.tar" docker
on_node docker save --output /saved.tar "$name"
carries "docker-archive:$root/saved.tar" docker
carries "docker-archive:$root/saved.tar:$name" docker
on_node docker save "$name" | gzip -1 | carries - docker
on_node docker tag "$name" registry.example.org/site/one:1
on_node docker save --output /saved.tar "$name" registry.example.org/site/one:1
locks_from "docker-archive:$root/saved.tar" "$(on_node docker inspect --format '{{.Id}}' "$name")"
