#!/bin/sh
# Makes this machine a client of the mirror {{.Address}}; run it as root.
{{- if .Systems}}
# The mirror is for {{.SystemNames}}: the script finds the machine's in /etc/os-release, or takes the one that is named: sh setup.sh NAME
{{- end}}
set -eu
umask 022
[ "$(id -u)" = 0 ] || { echo "root is needed; type: sudo sh $0" >&2; exit 1; }
{{- if .Systems}}
system=${1:-}
{{indent 0 .FindSystem}}
{{- end}}
{{- range .Clients}}
{{- with .System}}
if [ "$system" = {{quote .}} ]; then
{{- end}}
{{- range .Files}}{{if $.Renew}}
mkdir -p {{quote .Folder}}{{end}}
cat >{{quote .Path}} <<'END_OF_FILE'
{{indent 0 .Data}}
END_OF_FILE
{{- end}}
{{- if .System}}
fi
{{- end}}{{end}}
{{- range .Refresh}}
{{command .}}
{{- end}}
{{- range .Notes}}
echo {{quote .}}
{{- end}}
