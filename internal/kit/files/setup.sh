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
{{- if .SharedFiles}}
left=
{{- end}}
{{- range .Clients}}
{{- with .System}}
if [ "$system" = {{quote .}} ]; then
{{- end}}
{{- $program := .Program}}
{{- range .Files}}{{if or $.Renew $program}}
mkdir -p {{quote .Folder}}{{end}}
{{- if .Shared}}
cat >{{quote .Path}}.minimirror <<'END_OF_FILE'
{{indent 0 .Data}}
END_OF_FILE
if [ -e {{quote .Path}} ] && ! cmp -s {{quote .Path}} {{quote .Path}}.minimirror; then
	left="$left "{{quote .Path}}
else
	mv {{quote .Path}}.minimirror {{quote .Path}}
fi
{{- else}}
cat >{{quote .Path}} <<'END_OF_FILE'
{{indent 0 .Data}}
END_OF_FILE
{{- end}}
{{- end}}
{{- if .System}}
fi
{{- end}}{{end}}
{{- if .SharedFiles}}
for file in $left; do
	echo "$file is there already: add to it what $file.minimirror has, and run this script again" >&2
done
[ -z "$left" ] || exit 1
{{- end}}
{{- range .Refresh}}
{{command .}}
{{- end}}
{{- range .Notes}}
echo {{quote .}}
{{- end}}
