package layout

import (
	"fmt"
	"strings"
)

// A Script installs a set's items of one kind on machines where this program cannot run.
type Script struct {
	Kind string
	Text []byte // for sh(1)
}

// Scripts are the files of a folder, by name, in which ScriptName runs all scripts and passes its options on.
func Scripts(all []Script) map[string][]byte {
	if len(all) == 1 {
		return map[string][]byte{ScriptName: all[0].Text}
	}
	files := make(map[string][]byte, len(all)+1)
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Runs the scripts of all kinds, in turn.\nset -eu\n")
	for _, s := range all {
		name := ScriptOf(s.Kind)
		files[name] = s.Text
		fmt.Fprintf(&b, "sh \"$(dirname \"$0\")/%s\" \"$@\"\n", name)
	}
	files[ScriptName] = []byte(b.String())
	return files
}

// ScriptOf is the name of one kind's script among several.
func ScriptOf(kind string) string { return "install-" + kind + ".sh" }
