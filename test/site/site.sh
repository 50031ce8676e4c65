#!/bin/bash
# The life of a site without a route to anywhere, as docs/site.md tells it: an image is built on the connected side
# and carried as a file; a bare machine installs a kubelet's packages out of it; the kubelet alone runs the image as
# the mirror; a cluster comes up; a second machine installs its packages from the mirror, and joins; the mirror is the
# registry of the cluster, whose every image came in the file; the chart makes
# the mirror a service of the cluster, whose rules and image change under running downloads, and which
# outlives upgrades that cannot work; a node is replaced.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../k8s/lib.sh"
here=$repo/test/site
for chapter in machines clients images chart; do . "$here/$chapter.sh"; done
need curl jq skopeo
need_root_or_die "a cluster"
pause_image=registry.example.org/pause:3.10

connected_side
genesis_node
cluster
second_node
site_images
chart
ingress
rules
image_rules
mistakes
rollout
drain
node_replaced
options
uninstall
