{{/* The server's flags, and the files that they name. Each volume is a whole folder: a file mounted by
     subPath would never change. */}}
{{- define "minimirror.args" -}}
- --listen=:8080
- --metrics=:{{ .Values.metrics.port }}
- --grace={{ .Values.server.grace }}s
- --audit={{ .Values.server.audit | ternary "-" "none" }}
- --rules=/etc/minimirror/rules/rules.yaml
{{- if eq .Values.image.mode "registry" }}
- {{ printf "--image=docker://%s" (include "minimirror.served" .) | quote }}
- --cache=/var/cache/minimirror
- --cache-size={{ int64 .Values.registry.cacheGiB }}G
{{- if .Values.registry.existingAuthority }}
- --registry-ca=/etc/minimirror/registry-authority/ca.crt
{{- end }}
{{- if .Values.registry.insecure }}
- --insecure
{{- end }}
{{- range include "minimirror.verifyFiles" . | fromJsonArray }}
- {{ printf "--verify-key=/etc/minimirror/verify-key/%s" . | quote }}
{{- end }}
{{- end }}
{{- if include "minimirror.signingSecret" . }}
{{- range include "minimirror.signingFiles" . | fromJsonArray }}
- {{ printf "--sign-key=/etc/minimirror/signing-key/%s" . | quote }}
{{- end }}
{{- end }}
{{- if include "minimirror.tlsSecret" . }}
- --tls-cert=/etc/minimirror/tls/tls.crt
- --tls-key=/etc/minimirror/tls/tls.key
{{- end }}
{{- if .Values.tls.clientAuthority }}
- --tls-client-ca=/etc/minimirror/client-authority/ca.crt
{{- end }}
{{- if .Values.passwords.existingSecret }}
- {{ printf "--htpasswd=/etc/minimirror/passwords/%s" .Values.passwords.key | quote }}
{{- end }}
{{- range .Values.server.trustedProxies }}
- {{ printf "--trusted-proxy=%s" . | quote }}
{{- end }}
{{- with .Values.server.maxConnections }}
- --max-connections={{ int64 . }}
{{- end }}
{{- with .Values.server.maxPerClient }}
- --max-per-client={{ int64 . }}
{{- end }}
{{- range .Values.server.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The keys of the Secret, as JSON: one for each private key. */}}
{{- define "minimirror.signingFiles" -}}
{{- $files := concat (list .Values.signingKey.key) .Values.signingKey.moreKeys -}}
{{- if .Values.signingKey.value -}}
{{- $files = list "signing-key.asc" -}}
{{- range $i, $value := .Values.signingKey.moreValues }}{{ $files = append $files (printf "signing-key-%d.asc" (add $i 2)) }}{{ end -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}

{{/* The keys of the ConfigMap with public keys that must have signed the image, as JSON: one for each. */}}
{{- define "minimirror.verifyFiles" -}}
{{- $files := list -}}
{{- if .Values.registry.existingVerifyKey }}{{ $files = list "image.pub" }}{{ end -}}
{{- range $i, $_ := .Values.registry.verifyKeys }}{{ $files = append $files (printf "image-%d.pub" (add $i 1)) }}{{ end -}}
{{- toJson $files -}}
{{- end -}}

{{- define "minimirror.mounts" -}}
- { name: rules, mountPath: /etc/minimirror/rules, readOnly: true }
{{- if eq .Values.image.mode "registry" }}
- { name: cache, mountPath: /var/cache/minimirror }
{{- if .Values.registry.existingSecret }}
- { name: registry, mountPath: /etc/minimirror/registry, readOnly: true }
{{- end }}
{{- if .Values.registry.existingAuthority }}
- { name: registry-authority, mountPath: /etc/minimirror/registry-authority, readOnly: true }
{{- end }}
{{- if include "minimirror.verifyConfigMap" . }}
- { name: verify-key, mountPath: /etc/minimirror/verify-key, readOnly: true }
{{- end }}
{{- end }}
{{- if include "minimirror.signingSecret" . }}
- { name: signing-key, mountPath: /etc/minimirror/signing-key, readOnly: true }
{{- end }}
{{- if include "minimirror.tlsSecret" . }}
- { name: tls, mountPath: /etc/minimirror/tls, readOnly: true }
{{- end }}
{{- if .Values.tls.clientAuthority }}
- { name: client-authority, mountPath: /etc/minimirror/client-authority, readOnly: true }
{{- end }}
{{- if .Values.passwords.existingSecret }}
- { name: passwords, mountPath: /etc/minimirror/passwords, readOnly: true }
{{- end }}
{{- end -}}

{{- define "minimirror.volumes" -}}
- name: rules
  configMap:
    name: {{ include "minimirror.rulesConfigMap" . | quote }}
    items: [{ key: rules.yaml, path: rules.yaml }]
{{- if eq .Values.image.mode "registry" }}
- name: cache
  emptyDir: { sizeLimit: {{ add 1 .Values.registry.cacheGiB }}Gi }
{{- with .Values.registry.existingSecret }}
- name: registry
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
    items: [{ key: .dockerconfigjson, path: config.json }]
{{- end }}
{{- with .Values.registry.existingAuthority }}
- name: registry-authority
  configMap:
    name: {{ . | quote }}
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- with include "minimirror.verifyConfigMap" . }}
- name: verify-key
  configMap:
    name: {{ . | quote }}
    items:
      {{- range include "minimirror.verifyFiles" $ | fromJsonArray }}
      - { key: {{ . | quote }}, path: {{ . | quote }} }
      {{- end }}
{{- end }}
{{- end }}
{{- with include "minimirror.signingSecret" . }}
- name: signing-key
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
    items:
      {{- range include "minimirror.signingFiles" $ | fromJsonArray }}
      - { key: {{ . | quote }}, path: {{ . | quote }} }
      {{- end }}
{{- end }}
{{- with include "minimirror.tlsSecret" . }}
- name: tls
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
    items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }]
{{- end }}
{{- with .Values.tls.clientAuthority }}
- name: client-authority
  secret:
    secretName: {{ . | quote }}
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- with .Values.passwords }}
{{- if .existingSecret }}
- name: passwords
  secret:
    secretName: {{ .existingSecret | quote }}
    defaultMode: 0440
    items: [{ key: {{ .key | quote }}, path: {{ .key | quote }} }]
{{- end }}
{{- end }}
{{- end -}}
