#!/bin/bash
# What "minimirror kit" writes, given to those it is written for: a shell runs the unit's command, dash and busybox the
# script; systemd, podman's generator of units, cloud-init and Ansible read their files, and cloud-init and Ansible make
# clients; bash and zsh load what completes the program's words. All of them are Debian's, installed from the mirror, but
# for the generator, which Debian 12 has not.
. "$(dirname "$0")/lib.sh"
need curl busybox pgrep
need_root_or_die "a root file system"
quadlet=$("${as_caller[@]}" "$repo/test/quadlet/quadlet.sh")
definition tools <<-END
	debian:
	  sources: host
	  packages: [hello, systemd, cloud-init, ansible-core, sudo, podman, zsh]
END
bare_root "$mine/node"
mkdir -p "$mine/node/var/lib/minimirror"
"$MINIMIRROR" build "$definition" --output "docker-archive:$mine/node/var/lib/minimirror/image.tar"
netns_up tools
url=http://127.0.0.1:8080
"$MINIMIRROR" kit "docker-archive:$mine/node/var/lib/minimirror/image.tar" --name minimirror.local/tools:1 --address "$url" --transparent --to "$mine/kit" >/dev/null
kit=$mine/kit

# The unit's own command; systemd makes LogsDirectory= before it.
install -m 755 "$MINIMIRROR" "$mine/node/usr/local/bin/minimirror"
mkdir -p "$mine/node/var/log/minimirror"
command=$(sed -n 's/^ExecStart=//p' "$kit/server/minimirror.service")
in_root "$mine/node" sh -c "exec $command" >"$mine/serve.log" 2>&1 &
server=$!
defer end "$server"
await_ready

# Those who know nothing but a shell.
bare_root "$mine/bare"
bare=$mine/bare
cp -r "$kit" "$bare/kit"
cp "$(command -v busybox)" "$bare/usr/local/bin/busybox"
for shell in dash "busybox sh"; do
	in_copy "${shell%% *}" sh -ec "$shell /kit/client/setup.sh && apt-get -qq --yes install hello && hello" >"$mine/setup.log" 2>&1 || { cat "$mine/setup.log" >&2; die "$shell setup.sh"; }
	say "$shell: setup.sh makes a client"
done
rm -r "$bare/usr/local/bin/busybox"

# The tools, on a client.
in_copy tools sh -ec 'sh /kit/client/setup.sh && apt-get -qq --yes install systemd cloud-init ansible-core sudo podman zsh' >"$mine/install.log" 2>&1 || { tail -n 20 "$mine/install.log" >&2; die "the tools"; }
tool() { in_copy tools "$@"; }

# verifies UNIT wants that systemd has nothing to say of a unit.
verifies() {
	tool systemd-analyze verify --man=no --recursive-errors=no "$1" >"$mine/verify.log" 2>&1 || die "systemd-analyze verify $1: $(cat "$mine/verify.log")"
	[ ! -s "$mine/verify.log" ] || die "systemd-analyze verify $1: $(cat "$mine/verify.log")"
}
upper=$mine/tools/upper
mkdir -p "$upper/etc/systemd/system" "$upper/usr/local/bin"
cp "$kit/server/minimirror.service" "$upper/etc/systemd/system/"
install -m 755 "$MINIMIRROR" "$upper/usr/local/bin/minimirror"
verifies /etc/systemd/system/minimirror.service
say "systemd takes the unit: exposure $(tool systemd-analyze security --offline=true --no-pager minimirror.service | grep -Eo '[0-9.]+ [A-Z]+' | tail -n 1)"

# The generator's unit, and whether Debian 12's podman has what it asks for.
QUADLET_UNIT_DIRS="$kit/server" "$quadlet" -dryrun >"$mine/quadlet.log" 2>"$mine/quadlet.err" || die "quadlet: $(cat "$mine/quadlet.err")"
[ "$(grep -vc 'Loading source unit file' "$mine/quadlet.err")" = 0 ] || die "quadlet: $(cat "$mine/quadlet.err")"
mkdir -p "$upper/run/systemd/generator" # where it puts them
sed '/^---/d' "$mine/quadlet.log" >"$upper/run/systemd/generator/minimirror.service"
rm "$upper/etc/systemd/system/minimirror.service"
verifies /run/systemd/generator/minimirror.service
tool podman run --help >"$mine/podman-help"
run=$(sed -n 's/^ExecStart=//p' "$mine/quadlet.log")
as=$(grep -Eo -m 1 -- '--as [^ ]+\.[^ ]+' "$kit/server/podman-run.sh") || die "the kit's podman line stands for no host"
for want in '--read-only ' '--cap-drop all' '--security-opt=no-new-privileges' '--user 65532:65532' '--stop-timeout 45' '--publish 8080:8080' '--pull never' "minimirror.local/tools:1 ${as%%$'\n'*}"; do
	[[ "$run " == *"$want"* ]] || die "quadlet makes no $want: $run"
done
for flag in $(grep -Eo -- ' --[a-z-]+' <<<"${run%% minimirror.local*}"); do grep -q -- " $flag " "$mine/podman-help" || die "podman has no $flag"; done
say "podman's generator of units takes minimirror.container, and systemd what comes out"

# forget makes it a client of nothing again.
forget() { tool sh -c 'rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*'; }
# is_client wants that apt knows the mirror's packages.
is_client() {
	diff -r "$kit/client/files/etc/apt/sources.list.d" "$upper/etc/apt/sources.list.d" || die "$1 writes something else"
	tool apt-cache policy hello >"$mine/policy"
	grep -q "$url" "$mine/policy" || die "$1: apt does not know the mirror"
	say "$1 makes a client"
}
forget
tool cloud-init schema --config-file /kit/client/cloud-init.yaml >"$mine/cloud.log" 2>&1 || die "cloud-init schema: $(cat "$mine/cloud.log")"
for module in write_files runcmd; do
	tool cloud-init --file /kit/client/cloud-init.yaml single --name "$module" --frequency always >"$mine/cloud.log" 2>&1 || die "cloud-init $module: $(cat "$mine/cloud.log")"
done
tool run-parts /var/lib/cloud/instances/iid-datasource-none/scripts >"$mine/cloud.log" 2>&1 || die "cloud-init's runcmd: $(cat "$mine/cloud.log")" # a boot's last stage
is_client cloud-init

forget
printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.include_tasks: /kit/client/ansible-tasks.yaml\n' >"$upper/play.yaml"
plays() { tool ansible-playbook --inventory localhost, --connection local /play.yaml >"$mine/play.log" 2>&1 && grep -q "changed=$1 .*failed=0" "$mine/play.log" || die "ansible, want changed=$1: $(cat "$mine/play.log")"; }
plays 1
is_client Ansible
plays 0

# Bash and zsh, asked what comes after what was typed. A completion of zsh runs only in its line editor: on a terminal.
bash_completes() { tool bash -c 'source <(minimirror completion bash); COMP_WORDS=("${@:1}"); COMP_CWORD=$(($# - 1)); _minimirror; printf "%s\n" "${COMPREPLY[@]}"' bash "$@"; }
mkdir -p "$upper/usr/local/share/zsh/site-functions"
"$MINIMIRROR" completion zsh >"$upper/usr/local/share/zsh/site-functions/_minimirror"
cat >"$upper/zsh.exp" <<-'END'
	zmodload zsh/zpty
	zpty shell zsh -f -i
	zpty -w shell 'PS1=; fpath+=/usr/local/share/zsh/site-functions; autoload -Uz compinit; compinit -u; zstyle ":completion:*" insert-tab false; unsetopt prompt_cr; echo lo''aded'
	zpty -r -m shell said '*loaded*'
	zpty -w -n shell "$1"$'\t'
	zpty -r -m shell said "*$2*" && print -r -- "$said"
END
zsh_completes() { tool sh -ec 'mount -t devpts devpts /dev/pts; exec timeout 180 zsh /zsh.exp "$@"' sh "$1" "$2" >"$mine/zsh.log" 2>&1; }
[ "$(bash_completes minimirror heal)" = healthcheck ] || die "bash: minimirror heal: $(bash_completes minimirror heal)"
[ "$(bash_completes minimirror kit --tra)" = --transparent ] || die "bash: minimirror kit --tra: $(bash_completes minimirror kit --tra)"
grep -qx /etc/hostname <<<"$(bash_completes minimirror verify /etc/hostn)" || die "bash: minimirror verify /etc/hostn: $(bash_completes minimirror verify /etc/hostn)"
for words in 'minimirror heal healthcheck' 'minimirror kit --tra --transparent'; do
	zsh_completes "${words% *}" "${words##* }" || die "zsh: ${words% *}: $(cat "$mine/zsh.log")"
done
say "bash and zsh complete verbs and flags"
