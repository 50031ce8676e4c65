// Package pypitest has what the tests of the packages beside it share: Debian's Python as the judge of versions, markers and
// requirements files, and wheels to install. Only tests import it.
package pypitest

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// python is Debian's own, not another that may come first in PATH.
const python = "/usr/bin/python3"

// packages are the modules that tests ask for, and the Debian package of each.
var packages = map[string]string{"packaging": "python3-packaging", "pip": "python3-pip", "setuptools": "python3-setuptools"}

// A Python is one running process that answers questions.
type Python struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

// loop reads a line of JSON and answers with another, as the function answer of the program says.
const loop = `
import json, sys
for line in sys.stdin:
    json.dump(answer(json.loads(line)), sys.stdout)
    sys.stdout.write("\n")
    sys.stdout.flush()
`

// StartPython starts Debian's Python with a program that defines the function answer, which gets and returns what JSON can hold. The
// process ends with the test. The test fails if one of the modules is missing.
func StartPython(t testing.TB, program string, modules ...string) *Python {
	t.Helper()
	NeedPython(t, modules...)
	cmd := exec.Command(python, "-I", "-W", "ignore", "-c", program+loop)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Python{t: t, in: in, out: bufio.NewReader(out), cmd: cmd}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", python, err, stderr.String())
		}
	})
	return p
}

// NeedPython fails the test if Debian's Python or one of the modules is missing.
func NeedPython(t testing.TB, modules ...string) {
	t.Helper()
	if _, err := exec.LookPath(python); err != nil {
		t.Fatalf("%s is missing; type: sudo apt-get install python3", python)
	}
	for _, module := range modules {
		if out, err := exec.Command(python, "-I", "-c", "import "+module).CombinedOutput(); err != nil {
			t.Fatalf("Debian's Python has no module %s; type: sudo apt-get install %s\n%s", module, packages[module], out)
		}
	}
}

// Ask sends a question and reads the answer.
func (p *Python) Ask(question, answer any) {
	p.t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	got, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("%s does not answer: %v", python, err)
	}
	if err := json.Unmarshal(got, answer); err != nil {
		p.t.Fatal(err)
	}
}
