#!/bin/bash
# A first definition from this machine's own apt sources, as a newcomer makes it, can be locked, built and verified at once; so can one from
# sources without Signed-By, and one from the machine's own status file.
. "$(dirname "$0")/lib.sh"
need apt-get apt-config jq

cd "$mine"
"$MINIMIRROR" init site
"$MINIMIRROR" lock site
"$MINIMIRROR" build site --output oci:image
keyrings=()
for file in site/keys/*; do keyrings+=(--keyring "$file"); done
"$MINIMIRROR" verify oci:image "${keyrings[@]}"
say "what init writes is locked, built and verified"

# The same archives and suites, as "sources: host" finds them.
mkdir host
printf 'name: site\ndebian: { sources: host, packages: [curl] }\n' >host/mirror.yaml
"$MINIMIRROR" lock host
packages() { jq --sort-keys '[.items[] | {name, version}]' "$1/mirror.lock"; }
packages site >site.json
packages host >host.json
diff site.json host.json || die "init's sources have other packages than the host's"

# The first of the machine's sources in the old format, trusted by all keys of apt.
uri=$(sed -n 's/^ *urls: \[\([^],]*\).*/\1/p' site/mirror.yaml | head -n 1)
suite=$(sed -n 's/^ *suites: \[\([^],]*\).*/\1/p' site/mirror.yaml | head -n 1)
mkdir -p apt/etc/apt/{apt.conf.d,sources.list.d,trusted.gpg.d}
printf 'deb %s %s main\n' "$uri" "$suite" >apt/etc/apt/sources.list
cp site/keys/* apt/etc/apt/trusted.gpg.d/
{
	printf 'Dir "%s";\nDir::Etc::parts "%s";\n' "$mine/apt" "$mine/apt/etc/apt/apt.conf.d"
	apt-config dump | grep -E '^Acquire::Check-(Date|Valid-Until) ' || true
} >apt.conf
APT_CONFIG=$mine/apt.conf "$MINIMIRROR" init old
grep -q 'all keys that apt trusts' old/mirror.yaml || die "the source has a keyring of its own"
"$MINIMIRROR" lock old
say "a source without Signed-By is locked with the keys that apt trusts"

"$MINIMIRROR" init fleet --status /var/lib/dpkg/status
"$MINIMIRROR" lock fleet 2>&1 | tee lock.log
grep -q '"name": "apt"' fleet/mirror.lock || die "what this machine has is not locked"
say "a definition from a status file is locked"
