package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// TestOneName has the kit call an image as those do who load it, wherever the image is: in a file, in a folder, or unpacked
// as in its own container. The container runtimes themselves are in test/e2e.
func TestOneName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("docker", []byte("#!/bin/sh\nexec cat >'"+filepath.Join(dir, "loaded.tar")+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	m := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "a"}, Generated: map[string]string{layout.KeyPath: publicKey(t)}})
	imagetest.WriteDir(t, "layout", m.Layout(t))
	m.WriteRoot(t, "tree")
	pinned, latest := layout.LocalNames(m.Catalog.Name, m.Catalog.Date, m.Catalog.Lock)
	verb := func(words ...string) string {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), words, &stdout, &stderr); code != 0 {
			t.Fatalf("%s: %d: %s", words, code, &stderr)
		}
		return stdout.String()
	}
	if got, want := verb("bootstrap", "layout", "--load", "docker"), "docker has the image: "+pinned+"\nalso called: "+latest+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	repository, tag, _ := strings.Cut(pinned, ":")
	for _, where := range []string{"layout", "tree", "loaded.tar", "docker-archive:loaded.tar:" + pinned, "docker-archive:loaded.tar:" + latest} {
		kit := filepath.Join(t.TempDir(), "kit")
		verb("kit", where, "--to", kit)
		for file, want := range map[string]string{
			"README.txt": "image    " + pinned + "\n", "server/docker-run.sh": ":8080 " + pinned + " ", "server/podman-run.sh": ":8080 " + pinned + " ",
			"server/minimirror.container": "Image=" + pinned + "\n", "server/static-pod.yaml": "image: " + pinned + "\n",
			"server/chart-values.yaml": "repository: " + repository + "\n  tag: \"" + tag + "\"\n",
		} {
			if text, err := os.ReadFile(filepath.Join(kit, file)); err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), "latest") {
				t.Errorf("%s: %s: no %q, or latest: %v\n%s", where, file, want, err, text)
			}
		}
	}
}
