package house

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// mended are phrases that once stood in this project and that readers had to read twice, with what to write instead.
var mended = []struct{ phrase, instead string }{
	{`there is no verb`, `unknown command`},
	{`one argument too many`, `unexpected argument`},
	{`is no request for`, `is not a valid … request`},
	{`\bholds? [^.]{0,60}\bagainst\b`, `checks … against, or compares … with`},
	{`left alone`, `already installed, or unchanged`},
	{`\b(is|are) told (of|about)\b`, `say what happens, to whom`},
	{`\bA carried is\b`, `an ordinary noun`},
	{`\broomy\b`, `large`},
	{`stand-in`, `what it is`},
	{`given[U]p`, `unreachable, or abandoned`},
	{`put the other sources away`, `disable the other apt sources`},
	{`compared whole`, `must match in full`},
	{`upper and lower case apart`, `case matters`},
	{`there (twice|several times)`, `repeated, or listed twice`},
	{`whether (it|she|he) is well`, `check the health of`},
	{`has them look`, `to make them look`},
	{`chooses what is denied`, `selects denied packages`},
	{`vanish(es)? from the ind`, `are removed from the indexes`},
	{`[Ww]ho asks, or when`, `the client or the time`},
	{`which is there"`, `which must exist`},
	{`^(?!.*equests).*\b(--|%s )[^.]{0,40}\bexclude each other\b`, `cannot be used together`},
	{`"[^"]*\bgoes (with|alone)\b`, `requires, or takes no …`},
	{`the image before are`, `the previous image`},
	{`if it is another`, `if it has changed`},
	{`(every digest|all) is right"`, `all digests match`},
	{`lines? that (is|are) no records`, `not audit records`},
	{`hint: see (whether|that)\b|"see (whether|that)\b`, `check that`},
	{`has all of it\\n`, `everything is installed already`},
	{`is below 0"`, `must not be negative`},
	{`makes no difference between`, `is not divided into`},
	{`(is|was) broken off|broken off (by|after)`, `connection closed`},
	{`says which key signs`, `requires a signing key`},
	{`upstream has moved on: run`, `upstream no longer has`},
	{`it is there already`, `it already exists`},
	{`there is no part %q`, `this definition has no section %q`},
	{`can't be called %q`, `the name is reserved`},
}

// TestPhrases keeps mended phrases away.
func TestPhrases(t *testing.T) {
	for _, m := range mended {
		cmd := exec.Command("git", "grep", "--untracked", "-nIiP", m.phrase, "--", "*.go", "*.md", "*.sh", "*.html", "*.yaml", "*.txtar", "*.tpl", "*.txt", ":!test/house/phrases_test.go")
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("git grep: %v\n%s", err, out)
		}
		for hit := range strings.Lines(string(out)) {
			t.Errorf("write %q instead: %s", m.instead, hit)
		}
	}
}
