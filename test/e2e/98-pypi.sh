#!/bin/bash
# Python packages with the real pip and poetry, from an index of made-up wheels and Debian's own: locked for two targets, served, and installed in a
# namespace without a route; denied projects, versions and files; what uv asks; a set in a folder, and in a virtual environment of a bare node.
. "$(dirname "$0")/lib.sh"
need curl jq python3 poetry
need_root_or_die "a root file system"
bare_root "$mine/root"
root=$mine/root
install -m 755 "$MINIMIRROR" "$root/usr/local/bin/minimirror"
python=/usr/bin/python3
for module in pip venv; do $python -c "import $module" || die "python3-$module is missing; type: sudo $repo/test/e2e/setup.sh"; done
version=$($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
tag=cp${version/./}

# 44 projects in a chain with branches, extras, markers, a C extension for two architectures, versions to choose from, and one that is yanked.
$python - "$tag" >"$mine/dists" <<-'END'
	import json, sys
	tag = sys.argv[1]
	def dist(project, version, requires=(), **more):
	    print(json.dumps(dict(Project=project, Version=version, Requires=list(requires), **more)))
	for i in range(40):
	    dist(f"Part.{i:02}", "1.0", [f"part_{j:02}>=1" for j in (2 * i + 1, 2 * i + 2) if j < 40], RequiresPython=">=3.8", Uploaded="2025-02-01T00:00:00Z")
	dist("app", "1.0", ["part-00", "ext", "only-windows; sys_platform == 'win32'", "plus; extra == 'more'", "old; python_version < '3.12'"], Extras=["more"], Licence="MIT")
	dist("app", "1.1", ["part-00", "ext", "plus; extra == 'more'", "old; python_version < '3.12'"], Extras=["more"], Licence="MIT")
	dist("ext", "2.0+local.1", Tag=f"{tag}-{tag}-manylinux_2_17_x86_64.manylinux2014_x86_64")
	dist("ext", "2.0+local.1", Tag="cp312-cp312-manylinux_2_28_aarch64")
	dist("plus", "1.0")
	dist("plus", "1.1", Yanked="it breaks")
	dist("old", "0.9", NoMetadata=True)
	for version in "1.0", "1.1", "1.2":
	    dist("many", version)
	dist("only-windows", "1")
END
go_program pypitest-serve ./internal/kinds/pypi/pypitest/serve
real=(/usr/share/python-wheels/*.whl)
[ -e "${real[0]}" ] || die "there are no wheels in /usr/share/python-wheels; type: sudo $repo/test/e2e/setup.sh"
"$work/pypitest-serve" "$mine/dists" "${real[@]}" >"$mine/upstream.log" 2>&1 &
defer end $!
await $! "$mine/upstream.log" '^http://.*'
upstream=$said

definition pypi <<-END
	debian:
	  sources: host
	  packages: [python3-venv, python3-pip-whl]
	pypi:
	  - name: pypi
	    index: $upstream/simple
	    targets: [{ python: "$version", platform: manylinux_2_28_x86_64 }, { python: "3.12", platform: [manylinux_2_28_aarch64, linux_aarch64] }]
	    requirements: ["app[more]", pip, setuptools, wheel]
	    install: { to: /opt/app }
	  - { name: mirrored, index: $upstream/simple/, targets: [{ python: "$version", platform: linux_x86_64 }], requirements: [many], versions: all }
	sets:
	  node: { debian: [python3-venv, python3-pip-whl], pypi: ["app[more]"] }
END
"$MINIMIRROR" build "$definition" --output "oci-archive:$root/mirror.tar" >"$mine/build.log" 2>&1 || { cat "$mine/build.log" >&2; die "build"; }
tail -2 "$mine/build.log"

netns_up pypi
rules=$mine/rules.yaml
echo 'rules: []' >"$rules"
start_server --image "oci-archive:$root/mirror.tar" --rules "$rules" --audit "$mine/audit.log"
index=$url/pypi/simple/

# venv DIR makes a virtual environment; p DIR COMMAND… runs its pip in the namespace, configured by nothing but arguments and $pip_env.
venv() { $python -m venv "$1"; }
pip_env=()
p() {
	local dir=$1
	shift
	"${inside[@]}" env -u PIP_CONFIG_FILE PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 "${pip_env[@]}" "$dir/bin/pip" "$@"
}
has() {
	local list
	list=$(p "$1" list --format=freeze)
	grep -qx "$2" <<<"$list" || die "$1 does not have $2: $list"
}

say "pip"
venv "$mine/venv"
p "$mine/venv" --version
p "$mine/venv" install --quiet --index-url "$index" "app[more]" wheel
for one in app==1.1 plus==1.0 ext==2.0+local.1 Part.39==1.0 "$(basename "$(echo /usr/share/python-wheels/wheel-*.whl)" | sed 's/-\([^-]*\)-.*/==\1/')"; do has "$mine/venv" "$one"; done
[ "$(p "$mine/venv" list --format=freeze | grep -c '^Part')" = 40 ] || die "not all parts are installed"
[ "$("$mine/venv/bin/python" -c 'import app; print(app.version)')" = 1.1 ] || die "app is not 1.1"
p "$mine/venv" download --quiet --index-url "$index" --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_aarch64 --dest "$mine/arm" ext
ls "$mine/arm/ext-2.0+local.1-cp312-cp312-manylinux_2_28_aarch64.whl" >/dev/null || die "no wheel for the other target"
! p "$mine/venv" install --quiet --index-url "$index" only-windows 2>"$mine/absent.log" || die "what is not carried is installed"

say "other series of pip, by the whole list of versions"
series=0
for one in /usr/local/bin/python3.* "${as_caller[1]#HOME=}"/.pyenv/versions/3.*/bin/python3; do
	{ [ -x "$one" ] && "$one" -m pip --version >"$mine/version.log" 2>&1; } || continue
	rm -rf "$mine/target"
	"${inside[@]}" env PIP_DISABLE_PIP_VERSION_CHECK=1 "$one" -m pip install --quiet --no-cache-dir --target "$mine/target" --index-url "$url/mirrored/simple/" 'Many<1.2' >"$mine/series.log" 2>&1 || { cat "$mine/series.log" >&2; die "$(cat "$mine/version.log")"; }
	grep -q '"1.1"' "$mine/target/many/__init__.py" || die "$(cat "$mine/version.log"): another version"
	series=$((series + 1))
done
say "$series other series of pip"

say "what uv asks"
accept='application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01'
get --header "Accept: $accept" --dump-header "$mine/head" "${index}app/" >"$mine/app.json"
grep -qi '^content-type: application/vnd.pypi.simple.v1+json' "$mine/head" || die "uv: $(cat "$mine/head")"
grep -qi '^cache-control: no-cache' "$mine/head" && grep -qi '^vary: accept' "$mine/head" || die "uv: $(cat "$mine/head")"
etag=$(sed -n 's/^[Ee]tag: \(.*\)\r$/\1/p' "$mine/head")
[ "$(get --output /dev/null --write-out '%{http_code}' --header "Accept: $accept" --header "If-None-Match: $etag" "${index}app/")" = 304 ] || die "uv: the page again is not 304"
file=$(jq -r '.files[0].url' "$mine/app.json")
get "${index}app/$file.metadata" >"$mine/app.metadata"
[ "$(sha256sum <"$mine/app.metadata" | cut -d' ' -f1)" = "$(jq -r '.files[0]["core-metadata"].sha256' "$mine/app.json")" ] || die "the metadata is not what the page says"
[ "$(jq -r '.files[0] | has("dist-info-metadata")' "$mine/app.json")" = false ] || die "pip 23.0.1 fails with dist-info-metadata"
get --header "Accept: $accept" "${index}old/" >"$mine/old.json"
[ "$(jq -r '.files[0] | has("core-metadata")' "$mine/old.json")" = false ] || die "metadata is announced that nobody has"
old=$(jq -r '.files[0].url' "$mine/old.json")
[ "$(get --range -100 --output "$mine/tail" --write-out '%{http_code}' "${index}old/$old")" = 206 ] || die "no ranges of a wheel"
[ "$(get --output /dev/null --write-out '%{http_code} %{redirect_url}' "${index%/}/Part.07")" = "301 ${index}part-07/" ] || die "no redirect to the normalised name"
get "${index}part-00/" >"$mine/part.html"
grep -q 'href="part_00-.*data-requires-python="&gt;=3.8"' "$mine/part.html" || die "HTML: $(cat "$mine/part.html")"

say "rules"
status() { "${inside[@]}" curl --noproxy '*' --silent --output "$mine/answer" --write-out '%{http_code}' "$@"; }
rule 'rules:' '  - deny: { project: plus, reason: policy 9.1 }'
[ "$(status "${index}plus/")" = 404 ] && grep -q 'policy 9.1' "$mine/answer" || die "a denied project: $(cat "$mine/answer")"
[ "$(status "$url/pypi/packages/plus/plus-1.0-py3-none-any.whl")" = 403 ] || die "a file of a denied project"
[ "$(status "$url/pypi/packages/plus/plus-1.0-py3-none-any.whl.metadata")" = 403 ] || die "metadata of a denied project"
get "$index" >"$mine/list.html"
! grep -q '"plus/"' "$mine/list.html" || die "a denied project is listed"
venv "$mine/denied"
! p "$mine/denied" install --quiet --index-url "$index" "app[more]" >"$mine/denied.log" 2>&1 || die "what is denied is installed"
grep -q 'No matching distribution found for plus' "$mine/denied.log" || die "pip: $(cat "$mine/denied.log")"
p "$mine/denied" install --quiet --index-url "$index" app
rule 'rules:' '  - deny: { project: many, version: ">=1.2", reason: too new }'
p "$mine/denied" install --quiet --index-url "$url/mirrored/simple/" many
has "$mine/denied" many==1.1
[ "$(status "$url/mirrored/packages/many/many-1.2-py3-none-any.whl")" = 403 ] || die "a denied version by its address"
rule 'rules:' '  - deny: { tag: manylinux_2_17_x86_64, reason: no machine code }'
[ "$(get --header "Accept: $accept" "${index}ext/" | jq '.files | length')" = 1 ] || die "a denied tag is on the page"
rule 'rules:' '  - deny: { license: MIT, reason: counsel }'
[ "$(status "${index}app/")" = 404 ] || die "a denied licence"
grep -q '"verdict":"denied"' "$mine/audit.log" || die "the audit trail has no denial"
jq -se 'map(select(.verdict == "denied" and .status == 404 and .name == "app")) | length > 0' "$mine/audit.log" >/dev/null || die "the audit trail calls the denied project something else"
rule 'rules: []'

say "poetry"
venv "$mine/poetry"
mkdir -p "$mine/project"
cat >"$mine/project/pyproject.toml" <<-END
	[tool.poetry]
	name = "project"
	version = "1"
	description = ""
	authors = []
	[tool.poetry.dependencies]
	python = "~$version"
	app = { version = "*", extras = ["more"] }
	[[tool.poetry.source]]
	name = "minimirror"
	url = "$index"
	default = true
END
poetry_env=$mine/poetry
poet() { (cd "$mine/project" && "${inside[@]}" env VIRTUAL_ENV="$poetry_env" PATH="$poetry_env/bin:$PATH" PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring POETRY_CACHE_DIR="$mine/poetry-cache" /usr/bin/poetry --no-interaction "$@"); }
poet install --no-root >"$mine/poetry.log" 2>&1 || { cat "$mine/poetry.log" >&2; die "poetry"; }
has "$mine/poetry" app==1.1
has "$mine/poetry" ext==2.0+local.1
rule 'rules:' '  - deny: { project: plus, reason: policy 9.1 }'
rm -rf "$mine/poetry-cache" "$mine/project/poetry.lock"
poetry_env=$mine/poetry-denied # poetry also takes what an environment has
venv "$poetry_env"
! poet lock >"$mine/poetry.log" 2>&1 || die "poetry locks what is denied"
grep -q plus "$mine/poetry.log" || die "poetry: $(cat "$mine/poetry.log")"
rule 'rules: []'

say "the kit"
"$MINIMIRROR" kit "$root/mirror.tar" --address "$url" --to "$mine/kit" >/dev/null 2>&1
conf=$(find "$mine/kit" -name pip.conf)
venv "$mine/kit-venv"
pip_env=(PIP_CONFIG_FILE="$conf")
p "$mine/kit-venv" install --quiet plus
pip_env=()
has "$mine/kit-venv" plus==1.0
# shellcheck disable=SC2046
pip_env=($(sed '/^#/d' "$(find "$mine/kit" -name python.env)"))
p "$mine/kit-venv" install --quiet old
pip_env=()
has "$mine/kit-venv" old==0.9

say "a set in a folder, and on a bare node"
"$MINIMIRROR" bootstrap "$root/mirror.tar" --set node --architecture amd64 --to "$mine/folder" >"$mine/folder.log" 2>&1 || { cat "$mine/folder.log" >&2; die "bootstrap --to"; }
venv "$mine/from-folder"
p "$mine/from-folder" install --quiet --no-index --find-links "$mine/folder" --require-hashes -r "$mine/folder/requirements.txt"
has "$mine/from-folder" app==1.1
node_up "$root"
on_node minimirror bootstrap /mirror.tar --set node --install >"$mine/bootstrap.log" 2>&1 || { cat "$mine/bootstrap.log" >&2; die "bootstrap --install"; }
[ "$(on_node /opt/app/bin/python -c 'import app, ext; print(app.version, ext.version)')" = "1.1 2.0+local.1" ] || die "the virtual environment does not have app"
on_node minimirror bootstrap /mirror.tar --set node --install >"$mine/bootstrap.log" 2>&1 || { cat "$mine/bootstrap.log" >&2; die "bootstrap again"; }
grep -q 'nothing to install' "$mine/bootstrap.log" || die "it installs again: $(cat "$mine/bootstrap.log")"
on_node rm -r /opt/app
cp -r "$mine/folder" "$root/folder"
on_node sh /folder/install-pypi.sh >"$mine/script.log" 2>&1 || { cat "$mine/script.log" >&2; die "install-pypi.sh"; }
[ "$(on_node /opt/app/bin/python -c 'import app; print(app.version)')" = 1.1 ] || die "the script does not install app"
