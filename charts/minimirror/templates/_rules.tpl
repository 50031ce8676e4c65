{{/* The file of rules with its date. All replicas sign what they make for the rules with this date, so it is the
     same for all. It must not go back, so it is kept while the rules stay as they are, and moves forward else. After
     a rollback, which brings back an older date, the revision tells it: the next upgrade takes a new date. */}}
{{- define "minimirror.rules" -}}
{{- $text := printf "%s\n" (.Values.rules.text | replace "\r\n" "\n" | trimSuffix "\n") -}}
{{- $parsed := fromYaml $text -}}
{{- if hasKey $parsed "Error" -}}
{{- fail (printf "rules.text is not a file of rules: %s\nhint: look at it with: minimirror rules check FILE IMAGE" $parsed.Error) -}}
{{- else if not (or (hasKey $parsed "rules") (hasKey $parsed "default")) -}}
{{- fail "rules.text has neither default: nor rules:\nhint: for no rules at all, write default: allow" -}}
{{- else if and (hasKey $parsed "date") .Values.rules.date -}}
{{- fail "rules.text has a date: of its own, and rules.date is set: give one of the two" -}}
{{- else if hasKey $parsed "date" -}}
{{- $text -}}
{{- else -}}
{{- $date := include "minimirror.rulesDate" (list . $text) -}}
{{- $all := include "minimirror.dated" (list $text $date) -}}
{{- if ne ((fromYaml $all).date | default "" | toString) $date -}}
{{- fail "no date can be added to rules.text: write its keys as a block, each on a line of its own, with no \"...\" at the end" -}}
{{- end -}}
{{- $all -}}
{{- end -}}
{{- end -}}

{{/* The date goes last: lines keep their numbers, which the server tells clients. */}}
{{- define "minimirror.dated" -}}
{{ index . 0 }}date: {{ index . 1 | quote }}
{{ end -}}

{{/* Called with (list context text). */}}
{{- define "minimirror.rulesDate" -}}
{{- $text := index . 1 -}}
{{- with index . 0 -}}
{{- $format := "2006-01-02T15:04:05Z07:00" -}}
{{- $old := lookup "v1" "ConfigMap" .Release.Namespace (include "minimirror.rulesConfigMap" .) | default dict -}}
{{- $oldText := dig "data" "rules.yaml" "" $old -}}
{{- $oldDate := (fromYaml $oldText).date | default "" | toString -}}
{{- $oldRevision := dig "metadata" "annotations" "minimirror.github.io/revision" "" $old -}}
{{- if .Values.rules.date -}}
{{- if gt $oldDate .Values.rules.date -}}
{{- fail (printf "rules.date %s is earlier than the %s of the rules in the cluster: clients would ignore it without a word" .Values.rules.date $oldDate) -}}
{{- end -}}
{{- .Values.rules.date -}}
{{- else if and $old (eq $oldText (include "minimirror.dated" (list $text $oldDate))) (eq $oldRevision (sub .Release.Revision 1 | toString)) -}}
{{- $oldDate -}}
{{- else -}}
{{- /* Two seconds at least: the server signs with the time half-way between the image's date and this. */ -}}
{{- $earliest := $oldDate | empty | ternary 0 (toDate $format $oldDate | unixEpoch | int64 | add 2) -}}
{{- dateInZone $format (max $earliest (now | unixEpoch | int64)) "UTC" -}}
{{- end -}}
{{- end -}}
{{- end -}}
