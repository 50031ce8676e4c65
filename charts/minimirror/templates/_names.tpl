{{/* The name of all objects: at most 46 characters, so that suffixes fit into 63; a Service's name begins
     with a letter and has no dots. What is cut or changed gets a digest, so that two releases never share a name. */}}
{{- define "minimirror.fullname" -}}
{{- $raw := .Values.fullnameOverride -}}
{{- if not $raw -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $raw = contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- $name := $raw | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "m%s" $name }}{{ end -}}
{{- if or (ne $name $raw) (gt (len $name) 46) -}}
{{- $name = printf "%s-%s" ($name | trunc 37 | trimSuffix "-") ($raw | sha256sum | trunc 8) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "minimirror.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "minimirror.fullname" .) "default") -}}
{{- end -}}

{{- define "minimirror.rulesConfigMap" -}}
{{- .Values.rules.existingConfigMap | default (printf "%s-rules" (include "minimirror.fullname" .)) -}}
{{- end -}}

{{- define "minimirror.signingSecret" -}}
{{- if .Values.signingKey.value }}{{ include "minimirror.fullname" . }}-signing-key{{ else }}{{ .Values.signingKey.existingSecret }}{{ end -}}
{{- end -}}

{{- define "minimirror.verifyConfigMap" -}}
{{- if .Values.registry.verifyKeys }}{{ include "minimirror.fullname" . }}-verify-key{{ else }}{{ .Values.registry.existingVerifyKey }}{{ end -}}
{{- end -}}

{{- define "minimirror.tlsSecret" -}}
{{- if .Values.tls.certificate }}{{ include "minimirror.fullname" . }}-tls{{ else }}{{ .Values.tls.existingSecret }}{{ end -}}
{{- end -}}

{{/* The image that pods run. */}}
{{- define "minimirror.image" -}}
{{- if eq .Values.image.mode "registry" -}}
{{- with .Values.registry.program -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else if .tag -}}
{{ .repository }}:{{ .tag }}
{{- else -}}
{{ fail "registry.program.tag is missing: push the program with minimirror build --program-only --output docker://HOST/NAME:TAG, and name it in registry.program" }}
{{- end -}}
{{- end -}}
{{- else -}}
{{ include "minimirror.served" . }}
{{- end -}}
{{- end -}}

{{/* The image that is served. */}}
{{- define "minimirror.served" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else if .tag -}}
{{ .repository }}:{{ .tag }}
{{- else -}}
{{ fail "image.tag is missing: take the kit's values (--values server/chart-values.yaml), or the tag that minimirror build printed (--set-string image.tag=TAG)" }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Which pods belong to a part of the release; never changes. Called with (list context part). */}}
{{- define "minimirror.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The metadata of an object. Called with (dict "context" . "suffix" "-rules" "part" "server" "annotations" … "labels" …). */}}
{{- define "minimirror.metadata" -}}
{{- $labels := dict "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_") -}}
{{- $_ := set $labels "app.kubernetes.io/version" .context.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .context.Release.Service -}}
{{- $own := include "minimirror.selector" (list .context (.part | default "server")) | fromYaml -}}
{{- $annotations := merge (dict) (.annotations | default dict) (.context.Values.commonAnnotations | default dict) -}}
name: {{ .name | default (printf "%s%s" (include "minimirror.fullname" .context) (.suffix | default "")) | quote }}
namespace: {{ .context.Release.Namespace | quote }}
labels:
  {{- merge $own (.labels | default dict) (.context.Values.commonLabels | default dict) $labels | toYaml | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "minimirror.servicePort" -}}
{{- .Values.service.port | default (include "minimirror.tlsSecret" . | empty | ternary 80 443) -}}
{{- end -}}

{{/* The mirror's address for clients in the cluster. */}}
{{- define "minimirror.url" -}}
{{- $secure := include "minimirror.tlsSecret" . | empty | not -}}
{{- $port := include "minimirror.servicePort" . | int -}}
{{- $secure | ternary "https" "http" }}://{{ include "minimirror.fullname" . }}.{{ .Release.Namespace }}.svc
{{- if ne $port ($secure | ternary 443 80) }}:{{ $port }}{{ end -}}
{{- end -}}

{{/* Whether helm test has a pod: one with a certificate of its own, or without a password, would be refused. */}}
{{- define "minimirror.tested" -}}
{{- and .Values.test.enabled (empty .Values.tls.clientAuthority) (or (ne .Values.test.url "") (empty .Values.passwords.existingSecret)) -}}
{{- end -}}
