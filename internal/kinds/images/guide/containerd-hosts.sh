#!/bin/sh
# Lets containerd read the folders below /etc/containerd/certs.d: sets config_path in its configuration, of version 1, 2 or 3, and restarts it if
# systemd runs it. Changes nothing if config_path is set already.
set -eu
config=${CONTAINERD_CONFIG:-/etc/containerd/config.toml}
wanted=/etc/containerd/certs.d
die() { echo "containerd-hosts.sh: $config: $*" >&2; exit 1; }

# What containerd itself makes of its configuration counts, however that is written.
if [ -e "$config" ] && command -v containerd >/dev/null &&
	containerd --config "$config" config dump 2>/dev/null | grep -qE "^[[:space:]]*config_path[[:space:]]*=[[:space:]]*[\"']([^\"']*:)?$wanted(:[^\"']*)?[\"']"; then
	exit 0
fi

version=2
[ ! -e "$config" ] || version=$(sed -n 's/^[[:space:]]*version[[:space:]]*=[[:space:]]*\([0-9]\).*/\1/p' "$config" | head -n 1)
case ${version:-1} in
1) table='plugins.cri.registry' pattern='plugins[.]"?cri"?[.]registry' ;;
2) table='plugins."io.containerd.grpc.v1.cri".registry' pattern='plugins[.]["'\'']io[.]containerd[.]grpc[.]v1[.]cri["'\''][.]registry' ;;
*) table="plugins.'io.containerd.cri.v1.images'.registry" pattern='plugins[.]["'\'']io[.]containerd[.]cri[.]v1[.]images["'\''][.]registry' ;;
esac

old=$config
[ -e "$old" ] || old=/dev/null
# awk writes the file with config_path set, and prints what config_path was before: a path, or "none"; or "mirrors", if it must not be set.
new=$config.minimirror
mkdir -p "$(dirname "$config")"
found=$(awk -v table="$table" -v pattern="^[[:space:]]*[[]$pattern[]][[:space:]]*(#.*)?\$" -v mirrors="^[[:space:]]*[[]+$pattern[.]mirrors" -v wanted="$wanted" -v new="$new" '
	BEGIN { found = "none"; printf "" >new }
	$0 ~ mirrors { found = "mirrors" }
	/^[[:space:]]*\[/ { inside = $0 ~ pattern; if (inside) { there = 1; print >new; print "  config_path = \"" wanted "\"" >new; next } }
	inside && /^[[:space:]]*config_path[[:space:]]*=/ {
		value = $0
		sub(/^[^=]*=[[:space:]]*/, "", value); sub(/[[:space:]]*(#.*)?$/, "", value); gsub(/["'\'']/, "", value)
		if (value != "" && found == "none") found = value
		next
	}
	{ print >new }
	END { if (!there) printf "\n[%s]\n  config_path = \"%s\"\n", table, wanted >new; print found }' "$old")
case $found in
mirrors)
	rm -f "$new"
	die "it names mirrors of registries in an older form, which excludes config_path: remove the tables [$table.mirrors…], and run this again" ;;
"$wanted" | "$wanted":* | *:"$wanted" | *:"$wanted":*)
	rm -f "$new"
	exit 0 ;;
none) ;;
*)
	rm -f "$new"
	die "config_path is $found: move what is below $wanted there" ;;
esac
[ -e "$config" ] || { [ "$version" != 2 ] || printf 'version = 2\n' | cat - "$new" >"$new.2"; mv "$new.2" "$new"; }
if command -v containerd >/dev/null && ! containerd --config "$new" config dump >/dev/null 2>"$new.log"; then
	cat "$new.log" >&2
	rm -f "$new" "$new.log"
	die "containerd does not take it with config_path = \"$wanted\": set that in the table [$table] by hand"
fi
rm -f "$new.log"
[ ! -e "$config" ] || cp -p "$config" "$config.before-minimirror"
mv "$new" "$config"
echo "containerd-hosts.sh: $config: config_path is set"
if [ -d /run/systemd/system ] && systemctl --quiet is-active containerd; then
	systemctl restart containerd
else
	echo "containerd-hosts.sh: restart containerd"
fi
