package buildkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

type notes map[string]string

func (n notes) Note(kind, key string) []byte { return []byte(n[kind+"/"+key]) }
func (n notes) SetNote(kind, key string, data []byte) error {
	n[kind+"/"+key] = string(data)
	return nil
}

// outputs are one of each kind below dir, and the registry at host.
func outputs(dir, host string) []string {
	return []string{"oci:" + dir + "/new/out", "oci-archive:" + dir + "/new/x.tar", "docker-archive:" + dir + "/y.tar", "docker://" + host + "/site/tiny:1"}
}

// TestDamagedFile has a file of the cache change after its layer was described.
func TestDamagedFile(t *testing.T) {
	r := newRegistry(t)
	for name, damage := range map[string]func(file string) error{
		"b_1.deb: sha256 mismatch": func(file string) error {
			return os.WriteFile(file, make([]byte, len(contentOf("mirror/debian/pool/b/b_1.deb"))), 0o644)
		},
		"b_1.deb: size mismatch": func(file string) error { return os.Truncate(file, 1000) },
		"b_1.deb: open":          os.Remove,
	} {
		out := t.TempDir()
		for _, output := range outputs(out, r.host) {
			r.clear()
			o, dir := options(t, output)
			o.Notes = notes{}
			for _, l := range o.Layers {
				if _, err := l.Descriptor(t.Context(), o.Notes, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := damage(filepath.Join(dir, "b_1.deb")); err != nil {
				t.Fatal(err)
			}
			_, err := Bake(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), name) || !errors.Is(err, artifact.ErrVerify) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v, want %q", output, err, name)
			}
			if left := append(tree(t, out), tree(t, o.StateDir)...); len(left) != 0 {
				t.Errorf("%s: left behind: %q", output, left)
			}
		}
	}
}

// TestWrongNote has a note of a layer's digest that is not true: it costs one failure.
func TestWrongNote(t *testing.T) {
	o, _ := options(t, "oci:"+filepath.Join(t.TempDir(), "out"))
	kept := notes{}
	o.Notes = kept
	if _, err := o.Layers[0].Descriptor(t.Context(), kept, nil); err != nil {
		t.Fatal(err)
	}
	for key := range kept {
		kept[key] = "sha256:" + strings.Repeat("0", 64)
	}
	var hint *artifact.HintError
	if _, err := Bake(t.Context(), o); !errors.Is(err, artifact.ErrVerify) || !errors.As(err, &hint) {
		t.Errorf("%v, want a verification error with a hint", err)
	}
	if sum := bakeTo(t, o); sum != goldenDigest {
		t.Errorf("digest %s", sum)
	}
}

// TestCancel ends the context after each of many steps.
func TestCancel(t *testing.T) {
	r := newRegistry(t)
	for _, output := range outputs("%s", r.host) {
		for step := 0; ; step += 1 + step/4 {
			out := t.TempDir()
			o, _ := options(t, strings.ReplaceAll(output, "%s", out))
			r.clear()
			ctx, cancel := context.WithCancel(t.Context())
			steps := 0
			o.Progress = func(int64, int64) {
				if steps++; steps > step {
					cancel()
				}
			}
			sum, err := Bake(ctx, o)
			cancel()
			if err == nil {
				if step < 4 || sum != goldenDigest {
					t.Errorf("%s: done after %d steps: %s", output, step, sum)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: after %d steps: %v", output, step, err)
			}
			if left := append(tree(t, out), tree(t, o.StateDir)...); len(left) != 0 {
				t.Errorf("%s: after %d steps: left behind: %q", output, step, left)
			}
		}
	}
}

// TestCancelKeepsWhatWas ends a rebuild of another image.
func TestCancelKeepsWhatWas(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o, dir := options(t, "oci:"+out)
	bakeTo(t, o)
	before := tree(t, out)
	o.Layers = append([]*tarlayer.Layer{layer(t, dir, "mirror/new.deb")}, o.Layers...)
	for step := range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		o.Progress = func(int64, int64) {
			if steps++; steps > step {
				cancel()
			}
		}
		if _, err := Bake(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d steps: %v", step, err)
		}
		cancel()
		if after := tree(t, out); !slices.Equal(before, after) {
			t.Errorf("after %d steps: %q, was %q", step, after, before)
		}
	}
	if _, err := Bake(func() context.Context { ctx, cancel := context.WithCancel(t.Context()); cancel(); return ctx }(), o); !errors.Is(err, context.Canceled) {
		t.Errorf("before the first step: %v", err)
	}
}

// TestFullDisk limits how large files may become, which needs no file system of
// its own: writing fails in the middle of a layer.
func TestFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	for _, output := range outputs("%s", "")[:3] {
		out := t.TempDir()
		o, dir := options(t, strings.ReplaceAll(output, "%s", out))
		names := make([]string, 10)
		for i := range names {
			names[i] = fmt.Sprintf("mirror/pool/%060d.deb", i)
		}
		o.Layers = append(o.Layers, layer(t, dir, names...))
		limit := syscall.Rlimit{Cur: uint64(o.Layers[3].Size()) / 2, Max: before.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		_, err := Bake(t.Context(), o)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		if err == nil || !strings.Contains(err.Error(), syscall.EFBIG.Error()) {
			t.Errorf("%s: %v", output, err)
		}
		if left := append(tree(t, out), tree(t, o.StateDir)...); len(left) != 0 {
			t.Errorf("%s: left behind: %q", output, left)
		}
	}
}

func TestExplain(t *testing.T) {
	registry := Options{Output: image.Reference{Transport: image.Docker, Path: "h.example:5000/a/b", Name: "1"}}
	file := Options{Output: image.Reference{Transport: image.OCIArchive, Path: "/a/b/x.tar"}}
	for _, test := range []struct {
		err  error
		o    Options
		want string
	}{
		{&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, Options{}, "write /x: no space left on device\nhint: free some space"},
		{errors.New("failed to solve: write cache.db: no space left on device"), Options{}, "write cache.db: no space left on device\nhint: free some space"},
		{&os.PathError{Op: "mkdir", Path: "/a/b", Err: syscall.EACCES}, file, "mkdir /a/b: permission denied\nhint: write to a folder of your own"},
		{&os.PathError{Op: "open", Path: "/a/.minimirror-part-x.tar", Err: syscall.EACCES}, file, "open /a/.minimirror-part-x.tar: permission denied"},
		{&os.PathError{Op: "open", Path: "/cache/x", Err: syscall.EACCES}, file, "open /cache/x: permission denied"},
		{errors.New("failed to solve: failed to push h.example:5000/a/b:1: 401 Unauthorized"), registry, "failed to push h.example:5000/a/b:1: 401 Unauthorized\nhint: log in with \"docker login h.example:5000\" or \"skopeo login h.example:5000\", or name a file with credentials in REGISTRY_AUTH_FILE"},
		{errors.New("http: server gave HTTP response to HTTPS client"), registry, "http: server gave HTTP response to HTTPS client\nhint: the registry speaks plain HTTP"},
		{errors.New("failed to push h.example:5000/a/b:1: dial tcp 192.0.2.1:5000: connect: connection refused"), registry, "failed to push h.example:5000/a/b:1: dial tcp 192.0.2.1:5000: connect: connection refused\nhint: check that a registry answers at h.example:5000"},
		{errors.New("failed to push h.example:5000/a/b:1: failed to do request: Head \"https://h.example:5000/v2/\": EOF"), registry, "failed to push h.example:5000/a/b:1: failed to do request: Head \"https://h.example:5000/v2/\": EOF\nhint: run the command again: it sends only what h.example:5000 does not have yet"},
		{errors.New("dial tcp: lookup x: no such host"), file, "dial tcp: lookup x: no such host"},
		{artifact.Verifyf("a: wrong"), registry, "a: wrong"},
	} {
		if got := explain(t.Context(), test.err, test.o); !strings.HasPrefix(got.Error(), test.want) || !errors.Is(got, test.err) {
			t.Errorf("%q, want %q…", got, test.want)
		}
	}
}
