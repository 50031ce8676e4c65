package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/signing"
)

// publicKey is that of a key made for this test.
func publicKey(t *testing.T) string {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	key, _, err := signing.Own(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.Keys{key}.At(time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(signer.PublicKey())
}

// TestMistakes makes those of somebody who is new to the program: each is answered by what is
// wrong and what to do.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mirror := imagetest.New(t, imagetest.Spec{
		Artifacts: map[string]string{"pool/a": "a"},
		Generated: map[string]string{layout.KeyPath: publicKey(t)}})
	mirror.WriteRoot(t, filepath.Join(dir, "image"))
	write("rules.yaml", "rules: []\n")
	write("empty.log", "")
	if err := os.Mkdir("definition", 0o755); err != nil {
		t.Fatal(err)
	}
	write("definition/mirror.yaml", "name: d\ndebian:\n  sources:\n    - { name: d, urls: [http://127.0.0.1:1], suites: [s], components: [main], signed-by: ../minimirror/signing-key.asc }\n")
	t.Setenv("XDG_CONFIG_HOME", dir)
	if _, _, err := signing.Own(time.Now()); err != nil { // the image has another
		t.Fatal(err)
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	for _, c := range []struct {
		name, args string
		code       int
		stderr     []string // parts
	}{
		{"a misspelled verb", "biuld x", 2, []string{`unknown command "biuld": did you mean build?`, "hint: run: minimirror --help"}},
		{"no verb", "upload x", 2, []string{"unknown command \"upload\"\n"}},
		{"a misspelled flag", "build x --ouptut y", 2, []string{"unknown flag: --ouptut: did you mean --output?", "hint: run: minimirror build --help"}},
		{"a misspelled flag with a value", "serve --lisen=:80", 2, []string{"unknown flag: --lisen: did you mean --listen?"}},
		{"no flag", "serve --zzz", 2, []string{"unknown flag: --zzz\n"}},
		{"no definition", "lock", 2, []string{"an argument is missing: usage: minimirror lock DEFINITION [--update [PACKAGE…]] [--dry-run | --check]", "hint: run: minimirror lock --help"}},
		{"rules alone", "rules", 2, []string{"an argument is missing: usage: minimirror rules check RULES [--image] REFERENCE"}},
		{"two images to serve", "serve one two", 2, []string{`unexpected argument "two": usage: minimirror serve [[--image] REFERENCE] [--listen ADDRESS] [--rules`}},
		{"--image twice", "serve --image one --image two", 2, []string{`invalid argument "two" for "--image" flag: given twice, as "one" and "two"`}},
		{"--set twice", "bootstrap image --set one --set two --install", 2, []string{`"--set" flag: given twice, as "one" and "two"`}},
		{"--output twice", "build x --output one --output two", 2, []string{`"--output" flag: given twice`}},
		{"an image and a root", "serve one --root two", 2, []string{"--image one and --root two cannot be used together: give one"}},
		{"no image", "verify", 2, []string{"the image is missing: usage: minimirror verify [--image] REFERENCE"}},
		{"nothing to inspect", "inspect", 2, []string{"the image or the lock is missing: usage: minimirror inspect [--image] REFERENCE|LOCK [NAME…]"}},
		{"an empty name", "inspect root:image --set=", 2, []string{"--set: the value is missing"}},
		{"no image to install from", "bootstrap --list", 2, []string{"the image is missing: usage: minimirror bootstrap [--image] REFERENCE"}},
		{"no image for rules", "rules check rules.yaml", 2, []string{"the image is missing: usage: minimirror rules check RULES [--image] REFERENCE"}},
		{"only an image for a report", "report image", 2, []string{"the audit trail is missing: usage: minimirror report AUDIT…"}},
		{"an image that is not there", "verify out/none", 1, []string{"out/none: no such file or directory", "hint: make it with: minimirror build DEFINITION --output out/none"}},
		{"an image in a registry", "serve registry.example.org/site/docker:1", 2, []string{"hint: an image in a registry is written docker://registry.example.org/site/docker:1"}},
		{"an image of a running Docker", "verify site:1", 2, []string{"hint: write the path of a file or folder, or oci:DIR, oci-archive:FILE"}},
		{"an empty key", "build definition --sign-image=", 2, []string{"--sign-image: the value is missing"}},
		{"a signed program", "build --program-only --sign-image none.key", 2, []string{"--program-only cannot be used with --sign-image or --sbom", "hint: sign the image in the registry with cosign"}},
		{"no threshold", "vulns root:image --fail-on=", 2, []string{"--fail-on: the value is missing"}},
		{"two definitions", "build one two", 2, []string{`unexpected argument "two": usage: minimirror build DEFINITION`}},
		{"kit of nothing", "kit", 2, []string{"the image is missing", "hint: name it, for example: minimirror kit out/docker"}},
		{"rules and image swapped", "rules check root:image rules.yaml", 2, []string{"hint: the file of rules comes first: minimirror rules check rules.yaml root:image"}},
		{"a key that is not there", "build definition --sign-key none.asc", 1, []string{"open none.asc: no such file", "hint: minimirror build without --sign-key takes this user's own key, which it makes once: "}},
		{"a folder under a file", "kit root:image --to rules.yaml/kit", 1, []string{"rules.yaml", "not a directory"}},
		{"no rules", "rules check none.yaml root:image", 1, []string{"open none.yaml: no such file"}},
		{"rules without rules", "rules check empty.log root:image", 1, []string{"the file is empty\nhint: write, for example: rules:"}},
		{"no audit trail", "report rules.yaml", 1, []string{"rules.yaml: none of its 1 lines is an audit record", "hint: name a file that minimirror serve --audit has written"}},
		{"audit trail without requests", "report empty.log", 0, nil},
		{"a text as key", "serve --root image --sign-key rules.yaml", 1, []string{"signing key rules.yaml: not an OpenPGP key", "hint: name a file with one unencrypted"}},
		{"the key of another mirror", "serve --root image --listen 127.0.0.1:-1 --sign-key minimirror/signing-key.asc", 1, []string{"signing key minimirror/signing-key.asc: key ", " did not build this image, but ", ": clients would refuse what it signs", "hint: name the key that minimirror build used"}},
		{"a package that is not carried", "bootstrap --image root:image --architecture amd64 --package nope --to new", 1, []string{"minimirror bootstrap: nope: no such package\nhint: the image does not carry nope: add it to the definition"}},
		{"a certificate of nobody", "healthcheck --address " + secure.URL, 1, []string{"failed to verify certificate", "hint: --insecure accepts any certificate"}},
		{"no server", "healthcheck --address http://127.0.0.1:1", 1, []string{"hint: check that the server is running, and listens there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(c.args), &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, part := range c.stderr {
				if !strings.Contains(stderr.String(), part) {
					t.Errorf("standard error lacks %q:\n%s", part, &stderr)
				}
			}
		})
	}
}

// TestImageArgument has every verb that takes an image take it both ways, by any of its names, and refuse two.
func TestImageArgument(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	mirror := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "a"}, Generated: map[string]string{layout.KeyPath: publicKey(t)}})
	mirror.WriteRoot(t, "tree")
	imagetest.WriteDir(t, "docker", mirror.Layout(t))
	imagetest.WriteTar(t, "a:b", mirror.Docker(t))
	for name, text := range map[string]string{"rules.yaml": "default: allow\n", "audit.log": ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, before := range []string{"verify", "bootstrap --list", "inspect", "rules check rules.yaml", "report audit.log", "kit --to kit", "serve"} {
		for _, way := range []string{"", "--image "} {
			for _, name := range []string{"tree", "root:tree", "docker", "oci:docker", "./docker", "a:b", "./a:b"} {
				var stdout, stderr bytes.Buffer
				code := run(t.Context(), strings.Fields(before+" "+way+name), &stdout, &stderr)
				serves := before[0] == 's' && strings.Contains(stderr.String(), `of a kind that this program does not serve: "plain"`) // read it has been
				if code != 0 && !serves {
					t.Errorf("%s %s%s: %d: %s", before, way, name, code, &stderr)
				}
				if err := os.RemoveAll("kit"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if before == "inspect" {
			continue // the argument is then the name of an item
		}
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(before+" docker --image tree"), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), "two images are given, tree and docker: give one") {
			t.Errorf("%s: %d: %s", before, code, &stderr)
		}
	}
}

func TestListenHint(t *testing.T) {
	refused := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	for err, want := range map[error]string{refused: "hint: ports below 1024 need root", errors.New("in use"): "hint: choose another with --metrics [ADDRESS]:PORT"} {
		if got := listenHint(err, "--metrics"); !strings.Contains(got.Error(), want) {
			t.Errorf("%v, want %s", got, want)
		}
	}
}

// TestPrintedScript gives the script of --print-shell no archive.
func TestPrintedScript(t *testing.T) {
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"a": "a"}, Sets: map[string][]string{"s": {"a"}}}).Layout(t))
	var script, stderr bytes.Buffer
	if code := run(t.Context(), []string{"bootstrap", "--image", "oci:" + dir, "--set", "s", "--architecture", "any", "--print-shell"}, &script, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	cmd := exec.Command("sh", "-s")
	cmd.Stdin = &script
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "name the OCI archive: sh sh IMAGE.tar") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestHintRoot(t *testing.T) {
	refused := &fs.PathError{Op: "mkdir", Path: "/var/cache/minimirror", Err: fs.ErrPermission}
	for _, c := range []struct {
		name  string
		flags bootstrapFlags
		user  int
		want  bool
	}{
		{"a user installs", bootstrapFlags{install: true}, 1000, true},
		{"a user configures apt", bootstrapFlags{configure: "http://mirror.example.org"}, 1000, true},
		{"a user undoes that", bootstrapFlags{undo: true}, 1000, true},
		{"a user extracts", bootstrapFlags{to: "/root/x"}, 1000, false},
		{"root", bootstrapFlags{install: true}, 0, false},
	} {
		if err := c.flags.hintRoot(refused, c.user); strings.Contains(err.Error(), "hint: this needs root") != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What turns the direction of writing, and what a terminal obeys, is shown and not done.
func TestNothingHidden(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"rules", "check", "\u202elmay\u2066\x1b[31m.yaml", "oci:none"}, &stdout, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if text := stdout.String() + stderr.String(); !strings.Contains(text, `\u202elmay\u2066\u001b[31m.yaml`) || strings.ContainsAny(text, "\u202e\u2066\x1b") {
		t.Errorf("%q", text)
	}
}
