package files

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
)

// itemOf is an item of a file.
func itemOf(source, file, text string, metadata ...string) artifact.Item {
	c := contentOf([]byte(text))
	return artifact.Item{Kind: "files", Source: source, Name: filepath.Base(file), Requested: true,
		Files: []artifact.File{{Path: file, Size: c.Size, SHA256: c.SHA256}}, Metadata: metadata}
}

func TestInstall(t *testing.T) {
	root := t.TempDir()
	outside := t.TempDir()
	items := []artifact.Item{
		itemOf("down", "bin/tool", "the tool", keyTo+": /usr/local/bin", keyMode+": 0755"),
		itemOf("down", "notes", "the notes"),
	}
	request := artifact.InstallRequest{Pins: artifact.Pins{Items: items}, Root: root, Set: []string{"down/bin/tool", "down/notes"}}
	must(t, os.MkdirAll(filepath.Join(root, "var"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "var/tool"), []byte("the tool"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "var/notes"), []byte("the notes"), 0o644))
	install := func() error {
		plan, err := Kind{}.PlanInstall(context.Background(), request)
		if err != nil {
			return err
		}
		job := artifact.InstallJob{Root: root, Items: plan.Steps, Log: io.Discard}
		for _, step := range plan.Steps {
			var files []string
			for _, item := range step {
				files = append(files, "/var/"+item.Name)
			}
			job.Steps = append(job.Steps, files)
		}
		return Kind{}.Install(context.Background(), job)
	}
	// A link that leads to a folder outside, at the file's own name, is replaced; one on the way is refused.
	must(t, os.MkdirAll(filepath.Join(root, "opt/down"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(root, "opt/down/notes")))
	must(t, install())
	for name, mode := range map[string]os.FileMode{"usr/local/bin/tool": 0o755, "opt/down/notes": 0o644} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	plan, err := Kind{}.PlanInstall(context.Background(), request)
	if err != nil || len(plan.Steps) != 0 || len(plan.Present) != 2 {
		t.Errorf("once more: %+v, %v", plan, err)
	}
	must(t, os.Chmod(filepath.Join(root, "usr/local/bin/tool"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "opt/down/notes"), []byte("old notes"), 0o644))
	if plan, err := (Kind{}).PlanInstall(context.Background(), request); err != nil || len(plan.Steps[0]) != 2 {
		t.Errorf("another mode and other bytes are there: %+v, %v", plan, err)
	}
	must(t, install())

	must(t, os.RemoveAll(filepath.Join(root, "usr/local")))
	must(t, os.Symlink(outside, filepath.Join(root, "usr/local")))
	if err := install(); err == nil || !strings.Contains(err.Error(), "hint: a file is never put through a link") {
		t.Errorf("a link out of the root: %v", err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Error("outside the root:", left, err)
	}
	must(t, os.Remove(filepath.Join(root, "usr/local")))
	must(t, os.WriteFile(filepath.Join(root, "var/tool"), []byte("the toot"), 0o644))
	if err := install(); err == nil || !strings.Contains(err.Error(), "sha256 mismatch") {
		t.Errorf("damaged on the way: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(root, "usr/local/bin/tool")); err == nil {
		t.Error("what is damaged has got its name")
	}
	if found, _ := filepath.Glob(filepath.Join(root, "usr/local/bin/.minimirror*")); len(found) > 0 {
		t.Error("left behind:", found)
	}
	must(t, os.Mkdir(filepath.Join(root, "usr/local/bin/tool"), 0o755))
	if err := install(); err == nil || !strings.Contains(err.Error(), "a folder is in the place of the file") {
		t.Errorf("a folder there: %v", err)
	}
}

func TestChoose(t *testing.T) {
	one, two := itemOf("a", "amd64/tool", "1"), itemOf("a", "arm64/tool", "2")
	one.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {"amd64"}})
	two.Attributes = artifact.NewAttributes(map[string][]string{"architecture": {"arm64"}})
	pins := artifact.Pins{Items: []artifact.Item{one, two, itemOf("b", "notes", "3")}}
	for _, c := range []struct {
		architecture string
		names        []string
		want, err    string
	}{
		{"arm64", []string{"tool"}, "a/arm64/tool", ""},
		{"arm64", []string{"b/notes", "tool", "a/tool"}, "a/arm64/tool b/notes", ""},
		{"any", []string{"arm64/tool"}, "a/arm64/tool", ""},
		{"any", []string{"tool"}, "", "2 files have this name\nhint: name one of them: a/amd64/tool, a/arm64/tool"},
		{"s390x", []string{"tool"}, "", "it is for amd64, and this node is s390x"},
		{"any", []string{"nope"}, "", "no file has this name"},
	} {
		plan, err := Kind{}.PlanInstall(context.Background(), artifact.InstallRequest{Pins: pins, Architecture: c.architecture, Names: c.names})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v for %s: got %v, want %s", c.names, c.architecture, err, c.err)
			}
			continue
		}
		must(t, err)
		var ids []string
		for _, item := range plan.Steps[0] {
			ids = append(ids, item.ID())
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%v for %s: got %s, want %s", c.names, c.architecture, got, c.want)
		}
	}
}

// TestScript: the script does what Install does, with dash and sha256sum.
func TestScript(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	item := itemOf("down", "sub/it's [a] tool", "the tool", keyTo+": "+to+"/bin dir", keyMode+": 0750")
	plan, err := Kind{}.PlanInstall(context.Background(), artifact.InstallRequest{Pins: artifact.Pins{Items: []artifact.Item{item}}, Set: []string{item.ID()}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "install.sh"), Kind{}.Extra("the set\nx", plan)["install.sh"], 0o755))
	for folder, text := range map[string]string{"arm64": "another", "sub": "the tool"} {
		must(t, os.Mkdir(filepath.Join(dir, folder), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, folder, "it's [a] tool"), []byte(text), 0o644))
	}
	run := func() string {
		out, err := exec.Command("sh", filepath.Join(dir, "install.sh"), "--no-start").CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	place := filepath.Join(to, "bin dir", "it's [a] tool")
	for range 2 {
		out := run()
		info, err := os.Stat(place)
		text, _ := os.ReadFile(place)
		if out != "install.sh: done\n" || err != nil || info.Mode() != 0o750 || !bytes.Equal(text, []byte("the tool")) {
			t.Fatalf("%s %v %v %q", out, info, err, text)
		}
	}
	must(t, os.Remove(place))
	must(t, os.WriteFile(filepath.Join(dir, "sub", "it's [a] tool"), []byte("the toot"), 0o644))
	if out := run(); !strings.Contains(out, "is not below") {
		t.Error(out)
	}
}
