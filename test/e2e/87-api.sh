#!/bin/bash
# The description of the API, as the server sends it: redocly finds nothing by its recommended rules, and a client that oapi-codegen
# makes from it calls every operation, with errors and a login.
. "$(dirname "$0")/lib.sh"
need curl jq go npm node htpasswd

small_definition api
jq -n '{libapp: {"CVE-2026-0001": {description: "made up", releases: {bookworm: {status: "resolved", repositories: {}, fixed_version: "3.0-1", urgency: "high"}}}}}' >"$mine/tracker.json"
printf 'advisories:\n  - { name: tracker, tracker: ../tracker.json, date: "2026-11-30" }\n' >>"$definition/mirror.yaml"
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
printf 'rules:\n  - deny: { package: mta, reason: "no mail here" }\n' >"$mine/rules.yaml"
start_server --image "oci:$mine/image" --rules "$mine/rules.yaml" --sign-key "$HOME/.config/minimirror/signing-key.asc"
open=$url
get "$open/api/v1/openapi.json" >"$mine/openapi.json"

# problems FILE prints what redocly finds. It asks nobody.
redocly=$("${as_caller[@]}" "$repo/test/openapi/redocly.sh")
problems() {
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$redocly" lint --extends=recommended --format=json "$1" >"$mine/problems.json" 2>"$mine/redocly.log" || true
	jq -r '.problems[] | "\(.ruleId): \(.message)"' "$mine/problems.json" || { cat "$mine/redocly.log" >&2; die "redocly does not run"; }
}
jq 'del(.paths["/api/v1/sets"].get.operationId)' "$mine/openapi.json" >"$mine/damaged.json"
[[ $(problems "$mine/damaged.json") == operation-operationId:* ]] || die "redocly finds nothing where an operation has no name"
found=$(problems "$mine/openapi.json")
[ -z "$found" ] || die "redocly finds: $found"
say "openapi.json passes redocly's recommended rules"

# In a copy, because the client is not kept. The modules and what is compiled are the caller's.
cp -R "$repo/test/openapi" "$mine/client"
mkdir "$mine/client/mirror"
(
	cd "$mine/client"
	"${as_caller[@]}" go tool oapi-codegen -generate types,client -package mirror -o mirror/mirror.go "$mine/openapi.json"
	"${as_caller[@]}" CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$mine/calls" .
)
htpasswd -nbB api secret >"$mine/htpasswd" 2>/dev/null
start_server --image "oci:$mine/image" --htpasswd "$mine/htpasswd"
"$mine/calls" "$open" "$url" api:secret
say "a client that is generated from openapi.json calls all that it describes"
