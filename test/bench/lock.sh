#!/bin/bash
# lock over all of bookworm's main component against apt's own simulation of
# installing the same packages; both have the index already.
. "$(dirname "$0")/lib.sh"

packages="docker.io containerd runc openssh-server nginx postgresql python3-pip"
read -r uri keyring <<<"$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(SIGNED_BY) $(RELEASE) $(COMPONENT)' |
	awk '$1 == "Packages" && $4 == "bookworm" && $5 == "main" { print $2, $3; exit }')"
[ -n "${uri:-}" ] || { echo "no apt source on this machine has bookworm main: nothing to compare with"; exit 1; }
[ -e "${keyring:-}" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$work/definition" "$work/apt/lists/partial" "$work/apt/archives/partial"
{
	printf 'name: bench\ndebian:\n  sources:\n  - {name: debian, urls: ["%s"], suites: [bookworm], components: [main], architectures: [amd64], signed-by: %s}\n  packages:\n' "$uri" "$keyring"
	printf '  - %s\n' $packages
} >"$work/definition/mirror.yaml"
printf 'deb [signed-by=%s] %s bookworm main\n' "$keyring" "$uri" >"$work/apt/sources.list"
: >"$work/apt/status"
apt=(apt-get -qq --no-install-recommends -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State::lists=$work/apt/lists"
	-o "Dir::State::status=$work/apt/status" -o Dir::State::extended_states=/dev/null -o "Dir::Cache::archives=$work/apt/archives"
	-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o Debug::NoLocking=1)
"${apt[@]}" update
"$minimirror" lock "$work/definition" >/dev/null 2>&1

prepare() { rm -f "$work/definition/mirror.lock"; }
best ours "$minimirror" lock "$work/definition"
best theirs "${apt[@]}" -s install $packages
memory=$(prepare; peak "$minimirror" lock "$work/definition")
echo "lock, bookworm main, $(grep -c '"kind": "debian",$' "$work/definition/mirror.lock" || true) entries: $ours ms; apt-get -s install: $theirs ms; ratio $(ratio "$ours" "$theirs"); peak memory $memory MB"
