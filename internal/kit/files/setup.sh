#!/bin/sh
# Makes this machine a client of the mirror {{.Address}}; run it as root.
set -eu
umask 022
[ "$(id -u)" = 0 ] || { echo "root is needed; type: sudo sh $0" >&2; exit 1; }
{{- range .Clients}}{{range .Files}}
cat >{{quote .Path}} <<'END_OF_FILE'
{{indent 0 .Data}}
END_OF_FILE
{{- end}}{{end}}
{{- range .Refresh}}
{{command .}}
{{- end}}
