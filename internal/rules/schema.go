package rules

import (
	"slices"

	"github.com/minimirror/minimirror/internal/jsonschema"
)

// aboutKeys explain the keys of rules to editors.
var aboutKeys = map[string]string{
	"kind":         "kinds of items; without it, all that have what the rule asks for",
	"package":      "names, with * and ?; \"*\" stands for every one",
	"version":      "relations, such as \"<< 3.0.15-1~deb12u1\": all must hold",
	"architecture": "architectures",
	"client":       "addresses or networks of clients: 10.0.0.0/8",
	"time":         "times of the week: \"Mon-Fri 08:00-18:00\"",
	"from":         "from when on the rule holds: 2026-11-21, or a time of RFC 3339",
	"until":        "until when the rule holds",
	"reason":       "what a client reads with its 403",
}

// Schema is the JSON Schema of a file of rules about items of these kinds.
func Schema(kinds []Kind) jsonschema.Schema {
	texts := jsonschema.OneOrList(jsonschema.Scalar())
	conditions := make(map[string]jsonschema.Schema)
	for _, property := range newRules(kinds).properties {
		conditions[property] = texts.About("a property of items; * and ? match anything")
	}
	for _, key := range keysOfAll {
		form := texts
		if slices.Contains([]string{"from", "until", "reason"}, key) {
			form = jsonschema.Scalar()
		}
		conditions[key] = form.About(aboutKeys[key])
	}
	rule := jsonschema.Keys(conditions).With(jsonschema.Schema{"minProperties": 1})
	entry := jsonschema.Keys(map[string]jsonschema.Schema{"allow": rule, "deny": rule}).With(jsonschema.Schema{"minProperties": 1, "maxProperties": 1})
	list := jsonschema.Schema{"type": "array", "items": entry, "maxItems": MaxRules}
	forms := map[string]jsonschema.Schema{
		"date":    jsonschema.Scalar().About("when these rules were made, for people"),
		"default": jsonschema.Word("allow", "deny").About("what happens to items that no rule decides (default: allow)"),
		"zone":    jsonschema.Scalar().About("time zone of times in the file, such as Europe/Berlin (default: UTC)"),
		"rules":   list.About("the first that matches decides"),
	}
	keys := make(map[string]jsonschema.Schema)
	for _, key := range fileKeys {
		keys[key] = forms[key]
	}
	return jsonschema.Keys(keys).With(jsonschema.Schema{"anyOf": []jsonschema.Schema{{"required": []string{"rules"}}, {"required": []string{"default"}}}})
}
