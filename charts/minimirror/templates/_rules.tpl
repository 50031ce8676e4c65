{{/* The file of rules, as it is but for the ends of its lines. */}}
{{- define "minimirror.rules" -}}
{{- $text := .Values.rules.text | replace "\r\n" "\n" -}}
{{- $parsed := fromYaml $text -}}
{{- if hasKey $parsed "Error" -}}
{{- fail (printf "rules.text is not a file of rules: %s\nhint: look at it with: minimirror rules check FILE IMAGE" $parsed.Error) -}}
{{- else if not (or (hasKey $parsed "rules") (hasKey $parsed "default")) -}}
{{- fail "rules.text has neither default: nor rules:\nhint: for no rules at all, write default: allow" -}}
{{- end -}}
{{- $text -}}
{{- end -}}
