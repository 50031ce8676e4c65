#!/bin/bash
# The shipped definition with explicit sources: the keys in images/keys verify the
# real archive, and its closure resolves for both architectures. The addresses are
# replaced by those of this machine's own mirror.
. "$(dirname "$0")/lib.sh"
need apt-get jq

cp -r "$repo/images" "$mine/images"
file=$mine/images/kubernetes-node/mirror.yaml
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -E "$1" | head -n 1; }
debian=$(mirror '/debian/?$') security=$(mirror '/debian-security/?$')
[ -n "$debian" ] && [ -n "$security" ] || die "this machine has no Debian mirror among its apt sources"
sed -i "s#http://ftp.debian.org/debian#$debian#; s#http://security.debian.org/debian-security#$security#" "$file"

"$MINIMIRROR" lock "$file" >/dev/null
lock=$mine/images/kubernetes-node/mirror.lock
for architecture in amd64 arm64; do
	for package in containerd runc conntrack socat; do
		jq -e --arg p "$package" --arg a "$architecture" '.items[] | select(.name == $p and .attributes.architecture == $a)' "$lock" >/dev/null ||
			die "$package for $architecture is not in the lock"
	done
done
say "$(jq '.items | length' "$lock") packages, sets $(jq -r '[.sets[] | "\(.name): \(.items | length)"] | join(", ")' "$lock")"
