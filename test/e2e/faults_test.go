// Package e2e runs the minimirror program against made-up archives that go
// wrong, as scripts that read like a manual page (faults/*.txtar), and the
// shell scripts beside it against the real one. It is no part of the program.
//
// The scripts have these commands beside testscript's own:
//
//	upstream NAME FILE           serve the archive that FILE describes (debiantest.Parse); $NAME is its
//	                             address, keys/*.asc are its keys. Again: the archive changes to FILE's state.
//	folder NAME DIR              serve a folder of the script; $NAME is its address
//	sign detached|clear|minisign NAME FILE
//	                             FILE.gpg, .asc or .minisig is its signature; keys/NAME.asc or .pub is the key
//	expand FILE…                 replace $NAME in the files
//	fault NAME GLOB [first N] KIND [ARGUMENT…]
//	                             answer wrong: status CODE [HEADER VALUE…], cut N, flip OFFSET, truncate N,
//	                             append TEXT, edit PATTERN TEXT, replace FILE, portal, encode, redirect [TO], nolength,
//	                             ranges N ignored|shifted|refused, drip N, hang N, hangup, login USER PASSWORD, swap FILE
//	trouble CODE lock|build NAME GLOB FAULT…
//	                             run on def with an empty cache and this fault; then, healed, once more to the good end;
//	                             the first run's output is for stdout and stderr
//	proxy NAME UPSTREAM [USER PASSWORD]
//	                             a forward proxy that finds mirror.example.org at the upstream; $NAME is HOST:PORT
//	secure NAME UPSTREAM [FILE]  the upstream as https://mirror.example.org; $NAME is its address by number, NAME.pem its
//	                             authority; with FILE it wants the client certificate that is written there
//	heal NAME                    no faults, and no requests remembered
//	requests NAME GLOB N         so many requests have matched
//	exits CODE COMMAND…          run, and compare the exit code; its output is for stdout and stderr
//	refuses ARGUMENT…            run the program, which says that something is no regular file and does not wait for it
//	interrupt [SIGTERM] NAME GLOB N COMMAND…
//	                             run, hold every answer that matches after N bytes, send SIGINT or SIGTERM: exit 130
//	only DIR NAME…               the folder holds exactly these
//	sound                        the cache holds whole files only
//	installs REF [ARCH,…] PACKAGE…
//	                             serve the image; apt updates and fetches the packages with what they need
//	                             from it; stdout lists them
//	serve NAME REF [FLAG…]       serve the image; $NAME is its address; again: another one, or with other flags, at the same address
//	apt NAME ARGUMENT…           run apt-get as the client of that mirror, with the state that it has
//	node NAME MIRROR CODENAME STATUS
//	                             another client of the mirror, with this codename and status of dpkg, for apt
//	drain NAME PATH              end the mirror while it sends the file
//	whole DIR                    an OCI layout in which nothing is missing, wrong or left behind
//
// $IMAGES is the folder of this repository's definitions.
package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestFaults(t *testing.T) {
	program := programUnderTest(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "faults",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"upstream":  cmdUpstream,
			"folder":    cmdFolder,
			"sign":      cmdSign,
			"expand":    cmdExpand,
			"fault":     cmdFault,
			"trouble":   cmdTrouble,
			"proxy":     cmdProxy,
			"secure":    cmdSecure,
			"heal":      cmdHeal,
			"requests":  cmdRequests,
			"exits":     cmdExits,
			"interrupt": cmdInterrupt,
			"refuses":   cmdRefuses,
			"only":      cmdOnly,
			"sound":     cmdSound,
			"installs":  cmdInstalls,
			"serve":     cmdServe,
			"apt":       cmdApt,
			"node":      cmdNode,
			"drain":     cmdDrain,
			"whole":     cmdWhole,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[worldKey{}] = &world{t: env.T().(testing.TB), upstreams: map[string]*upstream{}, mirrors: map[string]*mirror{}}
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("TMPDIR", filepath.Join(env.WorkDir, "tmp"))
			env.Setenv("PATH", filepath.Dir(program)+":/usr/sbin:/usr/bin:/sbin:/bin")
			env.Setenv("NO_PROXY", "*")
			images, err := filepath.Abs("../../images")
			if err != nil {
				return err
			}
			env.Setenv("IMAGES", images)
			return os.MkdirAll(home, 0o755)
		},
	})
}
