#!/bin/bash
# Each series of pip that this machine has, and poetry, over TLS: what they do when a project, a version or a file is denied, and that they see new rules
# at the next request, with their caches. Lock files that the mirror serves; upstream's host names; a source distribution that a client builds; all
# versions; a name on two indexes.
. "$(dirname "$0")/lib.sh"
need curl jq openssl poetry
need_root_or_die "a network namespace"
unset "${!PIP_@}" REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE
python=/usr/bin/python3
$python -c 'import pip' || die "python3-pip is missing; type: sudo $repo/test/e2e/setup.sh"
version=$($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# many has versions to choose from, of dual a version has two files, app 2.0 needs what is denied later and app 1.0 does not, old has no wheel, and acme-lib
# is on two indexes.
$python - >"$mine/dists" <<-'END'
	import json
	def dist(project, version, requires=(), **more):
	    print(json.dumps(dict(Project=project, Version=version, Requires=list(requires), **more)))
	for version in "1.0", "1.1", "1.2":
	    dist("many", version)
	dist("dual", "1.0")
	dist("dual", "1.0", Tag="py3-none-manylinux_2_5_x86_64")
	dist("app", "1.0")
	dist("app", "2.0", ["gone"])
	dist("gone", "1.0")
	dist("uses", "1.0", ["Acme.Lib"])
	dist("acme-lib", "99")
END
echo '{"Project": "acme-lib", "Version": "1.0"}' >"$mine/own-dists"
mkdir -p "$mine/old-1.0/old.egg-info"
echo 'from setuptools import setup; setup(name="old", version="1.0", py_modules=["old"])' >"$mine/old-1.0/setup.py"
echo 'version = "1.0"' >"$mine/old-1.0/old.py"
printf 'Metadata-Version: 2.1\nName: old\nVersion: 1.0\n' | tee "$mine/old-1.0/PKG-INFO" >"$mine/old-1.0/old.egg-info/PKG-INFO"
tar -C "$mine" -czf "$mine/old-1.0.tar.gz" old-1.0
go_program pypitest-serve ./internal/kinds/pypi/pypitest/serve
real=(/usr/share/python-wheels/{setuptools,wheel}-*.whl)
[ -e "${real[0]}" ] && [ -e "${real[1]}" ] || die "wheels are missing in /usr/share/python-wheels; type: sudo $repo/test/e2e/setup.sh"
"$work/pypitest-serve" "$mine/dists" "$mine/old-1.0.tar.gz" "${real[@]}" >"$mine/upstream.log" 2>&1 &
defer end $!
await $! "$mine/upstream.log" '^http://127.0.0.1:(.*)'
upstream=http://localhost:$said
"$work/pypitest-serve" "$mine/own-dists" >"$mine/own.log" 2>&1 &
defer end $!
await $! "$mine/own.log" '^http://.*'
own=$said

definition pypi-clients <<-END
	pypi:
	  - name: pypi
	    index: $upstream/simple/
	    targets: [{ python: "$version", platform: manylinux_2_28_x86_64 }]
	    requirements: [many, dual, app, old, uses]
	    from: [{ index: "$own/simple/", names: "acme-*" }]
	    sdist: old
	    versions: all
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image" >"$mine/build.log" 2>&1 || { cat "$mine/build.log" >&2; die "build"; }

# The mirror, by HTTPS, answers to the name of upstream's host, too.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority" -keyout "$mine/site.key" -out "$mine/site.crt" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=mirror" -keyout "$mine/mirror.key" -out "$mine/mirror.csr" 2>/dev/null
openssl x509 -req -in "$mine/mirror.csr" -CA "$mine/site.crt" -CAkey "$mine/site.key" -CAcreateserial -days 2 \
	-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$mine/mirror.crt" 2>/dev/null
netns_up pypi
get() { "${inside[@]}" curl --noproxy '*' --silent --show-error --fail --max-time 300 --cacert "$mine/site.crt" "$@"; }
status() { "${inside[@]}" curl --noproxy '*' --silent --output "$mine/answer" --write-out '%{http_code}' --cacert "$mine/site.crt" "$@"; }
rules=$mine/rules.yaml
echo 'rules: []' >"$rules"
start_server --image "oci:$mine/image" --rules "$rules" --audit "$mine/audit.log" --as localhost --tls-cert "$mine/mirror.crt" --tls-key "$mine/mirror.key"
port=${url##*:}
url=https://localhost:$port # pip 24.2 does not accept an IP address by HTTPS
index=$url/pypi/simple/

# fetches PYTHON WANT REQUIREMENT… has the pip of a Python fetch what it chooses, with a cache of its own, and wants these files, in alphabetical order.
fetches() {
	local with=$1 want=$2 cache
	shift 2
	cache=$mine/cache${with//\//-}
	rm -rf "$mine/fetched"
	"${inside[@]}" env PIP_CERT="$mine/site.crt" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR="$cache" "$with" -m pip --no-color download --quiet --only-binary=:all: --dest "$mine/fetched" --index-url "$index" "$@" >"$mine/pip.log" 2>&1 ||
		{ cat "$mine/pip.log" >&2; die "$pip: $*"; }
	[ "$(cd "$mine/fetched" && echo *)" = "$want" ] || die "$pip: $* gives $(ls "$mine/fetched"), not $want"
}
# fails PYTHON TEXT REQUIREMENT… wants an error of pip.
fails() {
	local with=$1 text=$2
	shift 2
	rm -rf "$mine/fetched"
	! "${inside[@]}" env PIP_CERT="$mine/site.crt" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR="$mine/cache${with//\//-}" "$with" -m pip --no-color download --quiet --dest "$mine/fetched" --index-url "$index" "$@" >"$mine/pip.log" 2>&1 ||
		die "$pip: $* succeeds"
	grep -q -- "$text" "$mine/pip.log" || { cat "$mine/pip.log" >&2; die "$pip: $* does not say $text"; }
}

seen=" " pips=0
for with in $python "${as_caller[1]#HOME=}"/.pyenv/versions/3.*/bin/python3; do
	{ [ -x "$with" ] && "$with" -m pip --version >"$mine/version.log" 2>&1; } || continue
	pip=$(cut -d' ' -f1,2 "$mine/version.log")
	[[ $seen != *" $pip "* ]] || continue
	seen+="$pip "
	pips=$((pips + 1))
	rule 'rules: []'
	fetches "$with" "many-1.2-py3-none-any.whl" many
	fetches "$with" "app-2.0-py3-none-any.whl gone-1.0-py3-none-any.whl" app
	rule 'rules:' '  - deny: { project: many, version: ">=1.2", reason: too new }' '  - deny: { project: gone, reason: policy 9.1 }'
	fetches "$with" "many-1.1-py3-none-any.whl" many
	fails "$with" "No matching distribution found for gone" gone
	fails "$with" "No matching distribution found for many==1.2" many==1.2
	case ${pip#pip } in # since 20.3 pip takes another version of what requires a project that is not there
	1[0-9].*) fails "$with" "No matching distribution found for gone" app ;;
	*) fetches "$with" "app-1.0-py3-none-any.whl" app ;;
	esac
	rule 'rules:' '  - deny: { project: many, version: "<1.2" }' '  - deny: { tag: manylinux_2_5_x86_64 }'
	fetches "$with" "many-1.2-py3-none-any.whl" many
	fetches "$with" "dual-1.0-py3-none-any.whl" dual
	say "$pip sees rules at the next request, takes other versions and files, and says what is not there"
done
[ "$(status "$url/pypi/packages/dual/dual-1.0-py3-none-manylinux_2_5_x86_64.whl")" = 403 ] || die "a denied file has an address: $(cat "$mine/answer")"
[ "$(status "$url/pypi/packages/many/many-1.1-py3-none-any.whl")" = 403 ] || die "a denied version has an address: $(cat "$mine/answer")"
jq -se 'map(select(.status == 304)) | length > 0' "$mine/audit.log" >/dev/null || die "no pip has asked whether a page that it keeps is current"

say "poetry"
mkdir -p "$mine/project"
cat >"$mine/project/pyproject.toml" <<-END
	[tool.poetry]
	name = "project"
	version = "1"
	description = ""
	authors = []
	[tool.poetry.dependencies]
	python = "~$version"
	app = "*"
	many = "*"
	dual = "*"
	[[tool.poetry.source]]
	name = "minimirror"
	url = "$index"
	default = true
END
# locks WANT… has poetry lock, with its caches, and wants these packages; without any, it wants an error that names what is denied.
locks() {
	local has
	rm -f "$mine/project/poetry.lock"
	has=failed
	! (cd "$mine/project" && "${inside[@]}" env PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring POETRY_CACHE_DIR="$mine/poetry-cache" POETRY_VIRTUALENVS_CREATE=false \
		POETRY_CERTIFICATES_MINIMIRROR_CERT="$mine/site.crt" REQUESTS_CA_BUNDLE="$mine/site.crt" /usr/bin/poetry --no-interaction lock) >"$mine/poetry.log" 2>&1 ||
		has=$($python -c 'import sys, tomllib; print(" ".join(p["name"] + "-" + p["version"] + ":" + str(len(p["files"])) for p in tomllib.load(open(sys.argv[1], "rb"))["package"]))' "$mine/project/poetry.lock")
	[ "$has" = "${*:-failed}" ] || { cat "$mine/poetry.log" >&2; die "poetry locks $has, not $*"; }
}
rule 'rules: []'
locks app-2.0:1 dual-1.0:2 gone-1.0:1 many-1.2:1
rule 'rules:' '  - deny: { project: many, version: ">=1.2", reason: too new }' '  - deny: { project: gone, reason: policy 9.1 }' '  - deny: { tag: manylinux_2_5_x86_64 }'
locks app-1.0:1 dual-1.0:2 many-1.1:1 # it remembers the files of a version
rm -rf "$mine/poetry-cache"
locks app-1.0:1 dual-1.0:1 many-1.1:1
rule 'rules:' '  - deny: { project: many, reason: policy 9.1 }'
locks
grep -q many "$mine/poetry.log" || { cat "$mine/poetry.log" >&2; die "poetry does not name what is denied"; }
rule 'rules: []'

say "what old clients ask"
for accept in 'text/html' 'text/html, application/json;q=0.1' '*/*'; do # pip 9 and 18; easy_install; poetry 1.3
	get --header "Accept: $accept" --header 'Cache-Control: max-age=600' --user-agent 'pip/9.0.3 {"cpu":"x86_64"}' --dump-header "$mine/head" "${index}many/" >"$mine/page.html"
	grep -qi '^content-type: text/html' "$mine/head" && [ "$(grep -c '<a href="many-1' "$mine/page.html")" = 3 ] || die "$accept: $(cat "$mine/head" "$mine/page.html")"
	! grep -q 'metadata' "$mine/page.html" || die "$accept: pip before 23.2 reads attributes of metadata twice: $(cat "$mine/page.html")"
done

say "source distribution, built by the client; a name that two indexes have; all versions"
"${inside[@]}" env PIP_CERT="$mine/site.crt" PIP_NO_CACHE_DIR=1 "$python" -m pip install --quiet --disable-pip-version-check --target "$mine/built" --index-url "$index" old uses >"$mine/pip.log" 2>&1 || { cat "$mine/pip.log" >&2; die "old"; }
[ "$(PYTHONPATH=$mine/built $python -c 'import old, acme_lib; print(old.version, acme_lib.version)')" = "1.0 1.0" ] || die "$(ls "$mine/built")"
[ "$(get --header 'Accept: application/vnd.pypi.simple.v1+json' "${index}acme-lib/" | jq -r '.versions | join(" ")')" = 1.0 ] || die "acme-lib is from both indexes"
[ "$(get --header 'Accept: application/vnd.pypi.simple.v1+json' "${index}many/" | jq -r '.versions | join(" ")')" = "1.0 1.1 1.2" ] || die "not all versions of many"

say "lock files"
get "$url/pypi/pylock.toml" >"$mine/pylock.toml"
get "$url/pypi/pylock.python${version/./}-manylinux_2_28_x86_64.toml" | cmp - "$mine/pylock.toml" || die "the lock file of the only target is not that of all"
$python - "$mine/pylock.toml" "$mine/want" <<-'END'
	import sys, tomllib
	lock = tomllib.load(open(sys.argv[1], "rb"))
	assert lock["lock-version"] == "1.0", lock
	names = [p["name"] + "-" + p["version"] for p in lock["packages"]]
	assert names == ["acme-lib-1.0", "app-2.0", "dual-1.0", "gone-1.0", "many-1.2", "old-1.0", "uses-1.0"], names
	with open(sys.argv[2], "w") as out:
	    for p in lock["packages"]:
	        for f in p.get("wheels", []) + [p[s] for s in ["sdist"] if s in p]:
	            print(f["url"], f["hashes"]["sha256"], f["size"], file=out)
END
while read -r address sum size; do
	get "$address" >"$mine/file"
	[ "$(sha256sum <"$mine/file" | cut -d' ' -f1) $(stat -c %s "$mine/file")" = "$sum $size" ] || die "$address is not what the lock file says"
done <"$mine/want"
# A second mirror, of the first: exactly what its lock file has.
mkdir -p "$mine/second"
cp "$mine/pylock.toml" "$mine/second"
cat >"$mine/second/mirror.yaml" <<-END
	name: second
	pypi:
	  - { name: pypi, index: "$index", targets: [{ python: "$version", platform: manylinux_2_28_x86_64 }], files: pylock.toml, sdist: old }
END
"${inside[@]}" env SSL_CERT_FILE="$mine/site.crt" "$MINIMIRROR" lock "$mine/second" --format json 2>"$mine/second.log" >"$mine/second.json" || { cat "$mine/second.log" >&2; die "the lock file of the mirror is not one for another"; }
[ "$(jq -r '[.items[] | select(.requested) | .name + "-" + .version] | join(" ")' "$mine/second.json")" = "acme-lib-1.0 app-2.0 dual-1.0 gone-1.0 many-1.2 old-1.0 uses-1.0" ] || die "$(jq -c '.items[] | [.name, .version]' "$mine/second.json")"
rule 'rules:' '  - deny: { project: gone, reason: policy 9.1 }'
[ "$(status "$url/pypi/pylock.toml")" = 403 ] && grep -q 'gone 1.0.*policy 9.1' "$mine/answer" || die "a lock file with a denied package: $(cat "$mine/answer")"
rule 'rules: []'

say "upstream's host names"
index=$url/simple/
pip="pip at upstream's host name"
fetches "$python" "many-1.2-py3-none-any.whl" many
file=$(jq -r '.items[] | select(.name == "many" and .version == "1.2") | .files[0].urls[0]' < <("$MINIMIRROR" lock "$definition" --dry-run --format json 2>"$mine/lock.log"))
[ "$file" = "$upstream/files/many-1.2-py3-none-any.whl" ] || die "upstream has many at $file"
get "$url${file#"$upstream"}" | cmp - "$mine/fetched/many-1.2-py3-none-any.whl" || die "the address of upstream's file"
get "$url/files/ab/cd/many-1.2-py3-none-any.whl" | cmp - "$mine/fetched/many-1.2-py3-none-any.whl" || die "a folder of upstream's files"
[ "$(status "$url/files/absent-1.0-py3-none-any.whl")" = 404 ] || die "what is not carried, at upstream's address"
rule 'rules:' '  - deny: { project: many, reason: policy 9.1 }'
[ "$(status "$url/files/many-1.2-py3-none-any.whl")" = 403 ] || die "what is denied, at upstream's address"
say "$pips series of pip:$seen"
