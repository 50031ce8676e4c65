package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/inspect"
)

// TestInspectRegistry reads the catalog of an image in a registry, and of its items only what is asked for.
func TestInspectRegistry(t *testing.T) {
	large := strings.Repeat("all work and no play ", 1<<16)
	mirror := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": large, "pool/b": "\x00\xffb\x1b"},
		Generated: map[string]string{layout.KeyPath: publicKey(t)}})
	registry := imagetest.NewRegistry(t, mirror.Layout(t), nil)
	inspected := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"inspect", "--insecure", registry.Reference().String()}, args...), &stdout, &stderr); code != 0 {
			t.Fatalf("%s: %d: %s", args, code, &stderr)
		}
		return stdout.String()
	}
	var summary inspect.Summary
	if err := json.Unmarshal([]byte(inspected("--format", "json")), &summary); err != nil || summary.Count.Items != 2 || summary.Size != int64(len(large)+4) || summary.Digest == "" {
		t.Errorf("%+v, %v", summary, err)
	}
	if text := inspected("pool/b"); !strings.Contains(text, "layer 1 (sha256:") {
		t.Error(text)
	}
	if got := inspected("--cat", "/files/pool/b"); got != "\x00\xffb\x1b" {
		t.Errorf("%q", got)
	}
	if sent := registry.Sent.Load(); sent > int64(len(large))/2 {
		t.Errorf("the registry sent %d bytes: more than the catalog", sent)
	}
}

// TestInspectDamage writes nothing of a file that is not what the catalog says.
func TestInspectDamage(t *testing.T) {
	layout := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "the right content"}}).Layout(t)
	for name, data := range layout {
		if at := bytes.Index(data, []byte("the right content")); at >= 0 {
			layout[name] = bytes.Replace(data, []byte("the right"), []byte("the wrong"), 1)
		}
	}
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, layout)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"inspect", "oci:" + dir, "--cat", "files/pool/a"}, &stdout, &stderr); code != 4 || stdout.Len() > 0 {
		t.Errorf("%d: %q, %s", code, &stdout, &stderr)
	}
}

// TestInspectLarge writes a file that is too large for memory, and nothing of one that is damaged. It leaves no temporary file.
func TestInspectLarge(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	content := strings.Repeat("0123456789abcdef", 17<<16)
	layout := imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": content}}).Layout(t)
	dir := t.TempDir()
	imagetest.WriteDir(t, dir, layout)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"inspect", "oci:" + dir, "--cat", "files/pool/a"}, &stdout, &stderr); code != 0 || stdout.String() != content {
		t.Errorf("%d: %d bytes, %s", code, stdout.Len(), &stderr)
	}
	for name, data := range layout {
		if at := bytes.LastIndex(data, []byte("0123456789abcdef")); at >= 0 {
			data[at] = 'x'
			layout[name] = data
		}
	}
	imagetest.WriteDir(t, dir, layout)
	stdout.Reset()
	if code := run(t.Context(), []string{"inspect", "oci:" + dir, "--cat", "files/pool/a"}, &stdout, &stderr); code != 4 || stdout.Len() > 0 {
		t.Errorf("%d: %d bytes, %s", code, stdout.Len(), &stderr)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
