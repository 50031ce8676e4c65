package e2e

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"

	"aead.dev/minisign"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// cmdFolder serves a folder of the script as a web server does: $NAME is its address.
func cmdFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: folder NAME DIR")
	}
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[1]))))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// cmdSign signs a file with the key of a name: detached (FILE.gpg), clear (FILE.asc) or minisign (FILE.minisig). The public
// key is keys/NAME.asc or keys/NAME.pub.
func cmdSign(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sign detached|clear|minisign NAME FILE")
	}
	text := []byte(ts.ReadFile(args[2]))
	key := debiantest.NewKey(args[1])
	name, public := "keys/"+args[1]+".asc", key.Armored()
	var signature []byte
	var extension string
	var err error
	switch args[0] {
	case "detached":
		extension = ".gpg"
		signature, err = debiantest.DetachSign(text, debiantest.DefaultDate, key)
	case "clear":
		extension = ".asc"
		signature, err = debiantest.ClearSign(text, debiantest.DefaultDate, key)
	case "minisign":
		name, extension = "keys/"+args[1]+".pub", ".minisig"
		mini, private, failure := minisign.GenerateKey(bytes.NewReader(bytes.Repeat([]byte(args[1]), 64)))
		ts.Check(failure)
		public, err = mini.MarshalText()
		signature = minisign.SignWithComments(private, text, "timestamp:1700000000", "made here")
	default:
		ts.Fatalf("there is no signature %q", args[0])
	}
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs("keys"), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(name), public, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]+extension), signature, 0o644))
}
