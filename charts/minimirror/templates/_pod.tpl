{{/* The pod of the Deployment and of the DaemonSet. */}}
{{- define "minimirror.pod" -}}
metadata:
  labels:
    {{- merge (include "minimirror.selector" (list . "server") | fromYaml) (.Values.podLabels | default dict) (.Values.commonLabels | default dict) | toYaml | nindent 4 }}
  {{- $annotations := .Values.podAnnotations | default dict | deepCopy }}
  {{- with .Values.signingKey.value }}
  {{- /* The key is read at the start: another key, other pods. */}}
  {{- $_ := set $annotations "checksum/signing-key" (sha256sum (printf "%s%s" . (join "" $.Values.signingKey.moreValues))) }}
  {{- end }}
  {{- with .Values.registry.verifyKeys }}
  {{- $_ := set $annotations "checksum/verify-key" (sha256sum (join "" .)) }}
  {{- end }}
  {{- if .Values.metrics.annotations }}
  {{- $_ := set $annotations "prometheus.io/scrape" "true" }}
  {{- $_ := set $annotations "prometheus.io/port" (toString .Values.metrics.port) }}
  {{- $_ := set $annotations "prometheus.io/path" "/metrics" }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "minimirror.serviceAccount" . | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "minimirror.podBase" . | nindent 2 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- include "minimirror.placement" . | nindent 2 }}
  {{- /* The preStop hook, the program's own grace, and a little more. */}}
  terminationGracePeriodSeconds: {{ add .Values.server.drain .Values.server.grace 5 }}
  containers:
    - name: minimirror
      {{- include "minimirror.containerBase" . | nindent 6 }}
      command: [/minimirror, serve]
      args:
        {{- include "minimirror.args" . | nindent 8 }}
      {{- $limited := dig "limits" "memory" "" .Values.resources }}
      {{- $login := and (eq .Values.image.mode "registry") .Values.registry.existingSecret }}
      {{- if or $limited $login }}
      env:
        {{- if $limited }}
        - name: GOMEMLIMIT
          valueFrom: { resourceFieldRef: { resource: limits.memory } }
        {{- end }}
        {{- if $login }}
        - { name: REGISTRY_AUTH_FILE, value: /etc/minimirror/registry/config.json }
        {{- end }}
      {{- end }}
      ports:
        - name: mirror
          containerPort: 8080
          protocol: TCP
          {{- if eq .Values.mode "daemonset" }}
          hostPort: {{ .Values.daemonset.hostPort }}
          {{- with .Values.daemonset.hostIP }}
          hostIP: {{ . | quote }}
          {{- end }}
          {{- end }}
        - name: metrics
          containerPort: {{ .Values.metrics.port }}
          protocol: TCP
      {{- /* On the port of the metrics: there clients cannot use up the connections, and neither passwords nor certificates are asked for. */}}
      startupProbe:
        httpGet: { path: /healthz, port: metrics }
        periodSeconds: 2
        timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
        failureThreshold: {{ div (add .Values.probes.startSeconds 1) 2 }}
      readinessProbe:
        httpGet: { path: /readyz, port: metrics }
        periodSeconds: {{ .Values.probes.periodSeconds }}
        timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
        failureThreshold: 2
      livenessProbe:
        httpGet: { path: /healthz, port: metrics }
        periodSeconds: {{ .Values.probes.periodSeconds }}
        timeoutSeconds: {{ .Values.probes.timeoutSeconds }}
        failureThreshold: 6
      lifecycle:
        preStop:
          sleep: { seconds: {{ .Values.server.drain }} }
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        {{- include "minimirror.mounts" . | nindent 8 }}
  volumes:
    {{- include "minimirror.volumes" . | nindent 4 }}
{{- end -}}

{{/* What the test's pod shares with the server's. */}}
{{- define "minimirror.podBase" -}}
securityContext:
  runAsNonRoot: true
  {{- with .Values.security.runAsUser }}
  runAsUser: {{ int64 . }}
  {{- end }}
  {{- with .Values.security.runAsGroup }}
  runAsGroup: {{ int64 . }}
  fsGroup: {{ int64 . }}
  {{- end }}
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "minimirror.containerBase" -}}
image: {{ include "minimirror.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  runAsNonRoot: true
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "minimirror.placement" -}}
{{- $deployment := eq .Values.mode "deployment" -}}
{{- $affinity := dict -}}
{{- with .Values.nodeAffinity }}{{ $_ := set $affinity "nodeAffinity" . }}{{ end -}}
{{- if and $deployment (ne .Values.podAntiAffinity "none") -}}
{{- $labels := include "minimirror.selector" (list . "server") | fromYaml -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) -}}
{{- if eq .Values.podAntiAffinity "hard" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- else -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- end -}}
{{- end -}}
{{- with $affinity -}}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and $deployment .Values.topologySpread }}
topologySpreadConstraints:
  {{- range .Values.topologySpread }}
  - topologyKey: {{ .topologyKey | quote }}
    maxSkew: {{ .maxSkew | default 1 }}
    whenUnsatisfiable: {{ .whenUnsatisfiable | default "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "minimirror.selector" (list $ "server") | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}
