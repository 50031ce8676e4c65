#!/bin/sh
# Runs the mirror of {{.Name}} in podman. Arguments go to "minimirror serve".
exec podman run --detach --name minimirror --restart always \
	--read-only --cap-drop ALL --security-opt no-new-privileges --user 65532:65532 \
	--health-cmd '["/minimirror", "healthcheck"]' --health-interval 30s \
	--stop-timeout 45 --publish {{.Port}}:8080 {{.Image}}{{range .As}} --as {{.}}{{end}} "$@"
