#!/bin/sh
# Runs the mirror of {{.Name}} in Docker. Arguments go to "minimirror serve".
# Docker's --health-cmd wants a shell, which the image has not. With docker build, an image that Docker asks:
#	FROM {{.Image}}
#	HEALTHCHECK CMD ["/minimirror", "healthcheck", "--ready"]
# The audit trail goes to Docker's log, which grows without end unless the daemon's log-opts say otherwise.
exec docker run --detach --name minimirror --restart unless-stopped \
	--read-only --cap-drop ALL --security-opt no-new-privileges --user 65532:65532 \
	--stop-timeout 45 --publish {{.Port}}:8080 {{.Image}}{{range .As}} --as {{.}}{{end}} "$@"
