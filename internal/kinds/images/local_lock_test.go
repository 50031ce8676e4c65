package images_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// skopeoCopy copies an image of the registry, with all its platforms, in the site's folder.
func (s *site) skopeoCopy(r *imagestest.Registry, name, to string, more ...string) {
	s.t.Helper()
	arguments := append([]string{"--insecure-policy", "--tmpdir", s.t.TempDir(), "copy", "-q", "--all", "--src-tls-verify=false"}, more...)
	cmd := exec.Command("skopeo", append(arguments, "docker://"+r.Host+"/"+name, to)...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s\nhint: apt-get install skopeo", cmd, err, out)
	}
}

// fetchAll brings every file of a lock into an empty cache, from the address that the lock has.
func (s *site) fetchAll(l *builder.Locked) error {
	s.t.Helper()
	s.emptyCache()
	var all []fetch.Wanted
	for i := range l.Items {
		for _, f := range l.Items[i].Files {
			address := f.URLs[0]
			if u, err := url.Parse(address); err != nil {
				s.t.Fatal(err)
			} else if u.Scheme == "" {
				if filepath.IsAbs(u.Path) {
					s.t.Errorf("%s: not relative to the definition", address)
				}
				u.Scheme, u.Path = "file", filepath.Join(s.dir, u.Path)
				address = u.String()
			}
			all = append(all, fetch.Wanted{Content: f.Content(), URLs: []string{address}, Title: f.Path})
		}
	}
	return s.fetch.All(s.t.Context(), all)
}

// TestLocalOrigins locks the same image from a registry, a folder and files.
func TestLocalOrigins(t *testing.T) {
	s, r := newSite(t), imagestest.New(t)
	r.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64/v8")
	r.MultiImage("acme/app", "1.5", "linux/amd64")
	from := func(origin, take string) string {
		return "  - { name: registry.example.org, from: \"" + origin + "\", take: [ " + take + " ], platforms: all }\n"
	}
	wanted := s.must(entry(r, `"acme/app:1.*"`, "platforms: all"), builder.LockOptions{})
	for _, tag := range []string{"1.4", "1.5"} {
		s.skopeoCopy(r, "acme/app:"+tag, "oci:layout:acme/app:"+tag, "--preserve-digests")
	}
	s.skopeoCopy(r, "acme/app:1.4", "oci-archive:app.tar:registry.example.org/acme/app:1.4", "--preserve-digests")
	for _, text := range []string{from("oci:layout", `"acme/app:1.*"`), from("oci:layout", `"**:*"`), from("oci:layout", "acme/app:1.5, acme/app:1.4")} {
		s.remove("mirror.lock")
		got := s.must(text, builder.LockOptions{})
		wantKeys(t, got, keys(wanted)...)
		for i := range got.Items {
			for at, f := range got.Items[i].Files {
				if want := wanted.Items[i].Files[at]; f.Path != want.Path || f.Content() != want.Content() {
					t.Errorf("%s: %s, want %s", got.Items[i].Key, f.Path, want.Path)
				}
			}
		}
		if err := s.fetchAll(got); err != nil {
			t.Error(err)
		}
		again := s.must(text, builder.LockOptions{})
		if len(again.Changes) != 0 {
			t.Errorf("locked again: %v", again.Changes)
		}
	}

	// An archive that is written again, with the same images at other places, has other addresses.
	archive := from("oci-archive:app.tar", "acme/app:1.4")
	s.remove("mirror.lock")
	first := s.must(archive, builder.LockOptions{})
	if err := s.fetchAll(first); err != nil {
		t.Error(err)
	}
	s.rewrite("app.tar", func(name string, data []byte) []byte { return data })
	if err := s.fetchAll(first); err == nil || !errors.Is(err, artifact.ErrVerify) {
		t.Errorf("from the archive as it was: %v", err)
	}
	second := s.must(archive, builder.LockOptions{})
	if first.Items[0].Files[0].URLs[0] == second.Items[0].Files[0].URLs[0] {
		t.Error(second.Items[0].Files[0].URLs)
	}
	if err := s.fetchAll(second); err != nil {
		t.Error(err)
	}

	// A damaged archive is an error that names the image.
	s.rewrite("app.tar", func(name string, data []byte) []byte {
		if len(data) == 2048 {
			data[600] ^= 1
		}
		return data
	})
	if _, err := s.lock(archive, builder.LockOptions{}); !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), "acme/app:1.4") || !strings.Contains(err.Error(), "oci-archive:app.tar") {
		t.Error(err)
	}
	s.refuses(from("oci:layout", "acme/app:2"), "mirror.yaml:3: images: registry.example.org/acme/app:2", "hint: it has: ", "acme/app:1.4")
	s.refuses(from("oci:nowhere", "acme/app:2"), "images: oci:nowhere: ", "hint: the path is relative to the definition's folder")
}

// TestOldDockerOrigin locks an archive that has no manifest: the lock holds it.
func TestOldDockerOrigin(t *testing.T) {
	s, r := newSite(t), imagestest.New(t)
	r.Tag("acme/one", "2", r.Image("acme/one", imagestest.Image{Platform: "linux/arm64/v8"}))
	s.skopeoCopy(r, "acme/one:2", "docker-archive:docker.tar:localhost/acme/one:2")
	text := "  - { name: registry.example.org, from: \"docker-archive:docker.tar\", take: [ acme/one:2 ], platforms: [ linux/arm64 ] }\n"
	l := s.must(text, builder.LockOptions{})
	wantKeys(t, l, "acme/one:2/linux/arm64/v8")
	if files := l.Items[0].Files; len(files) != 3 || !strings.HasPrefix(files[0].URLs[0], "data:application/json;base64,") || !strings.HasPrefix(files[1].URLs[0], "docker.tar#offset=") {
		t.Errorf("%+v", files)
	}
	if err := s.fetchAll(l); err != nil {
		t.Error(err)
	}
	if again := s.must(text, builder.LockOptions{}); len(again.Changes) != 0 {
		t.Errorf("locked again: %v", again.Changes)
	}
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// rewrite writes a tar again, after a file of its own.
func (s *site) rewrite(name string, change func(name string, data []byte) []byte) {
	s.t.Helper()
	old, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "first", Mode: 0o644}); err != nil {
		s.t.Fatal(err)
	}
	for r := tar.NewReader(bytes.NewReader(old)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		data, failed := io.ReadAll(r)
		if err = errors.Join(err, failed, w.WriteHeader(h)); err == nil {
			_, err = w.Write(change(h.Name, data))
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(s.dir, name), b.Bytes(), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
