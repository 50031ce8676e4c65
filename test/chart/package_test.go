package chart

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRegistry packs the chart, pushes it to Debian's registry and pulls it again.
func TestRegistry(t *testing.T) {
	registry := startRegistry(t)
	pack := func() string {
		dir := t.TempDir()
		if _, err := runHelm(t, "package", chartFolder, "--destination", dir); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "minimirror-*.tgz"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v %v", files, err)
		}
		return files[0]
	}
	one, two := pack(), pack()
	want := contents(t, one)
	if got := contents(t, two); got != want { // helm writes the time into the archive: only that differs
		t.Error("packed twice, the chart differs")
	}
	for _, file := range []string{"Chart.yaml", "values.yaml", "values.schema.json", "templates/_pod.tpl", "templates/NOTES.txt"} {
		if !strings.Contains(want, "minimirror/"+file+"\n") {
			t.Errorf("%s is not in the archive", file)
		}
	}

	if _, err := runHelm(t, "push", one, "oci://"+registry+"/charts", "--plain-http"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := runHelm(t, "pull", "oci://"+registry+"/charts/minimirror", "--plain-http", "--destination", dir); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, filepath.Join(dir, filepath.Base(one))); got != want {
		t.Error("what was pulled is not what was pushed")
	}
	rendered, err := runHelm(t, "template", "site", "oci://"+registry+"/charts/minimirror", "--plain-http", "--set-string", "image.tag=1")
	if err != nil {
		t.Fatal(err)
	}
	decode(t, rendered)
}

// contents are names and contents of the files in an archive, in its order.
func contents(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		} else if err != nil {
			t.Fatal(err)
		}
		b.WriteString(h.Name + "\n")
		if _, err := io.Copy(&b, r); err != nil {
			t.Fatal(err)
		}
	}
}

// startRegistry starts Debian's docker-registry on loopback, until the test ends, and returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatal("docker-registry is missing; type: sudo test/e2e/setup.sh")
	}
	config := filepath.Join(t.TempDir(), "registry.yml")
	text := "version: 0.1\nstorage: { inmemory: {} }\nhttp: { addr: 127.0.0.1:0 }\nlog: { level: info }\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	listening := regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, said) }() // its log must not stop it
			return found[1]
		}
	}
	t.Fatal("docker-registry ended before it listened")
	return ""
}
