package pypi_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds/pypi"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pypitest"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A site locks definitions.
type site struct {
	t   *testing.T
	dir string // the definition's folder
	log bytes.Buffer
}

func newSite(t *testing.T) *site { return &site{t: t, dir: t.TempDir()} }

// lock locks "pypi:" with these entries, with an empty cache.
func (s *site) lock(entries string, o builder.LockOptions) (*builder.Locked, error) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, builder.DefinitionFile), []byte("name: test\npypi:\n"+entries), 0o644); err != nil {
		s.t.Fatal(err)
	}
	c, err := cache.Open(s.t.TempDir())
	if err != nil {
		s.t.Fatal(err)
	}
	up, err := fetch.New(c, slog.New(slog.DiscardHandler), "test", transfer.Options{Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	kinds := []artifact.Kind{pypi.Kind{}}
	d, err := builder.ReadDefinition(s.dir, kinds)
	if err != nil {
		return nil, err
	}
	s.log.Reset()
	locker := &builder.Locker{Kinds: kinds, Upstream: up, Now: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC), Log: slog.New(slog.NewTextHandler(&s.log, nil))}
	return locker.Lock(s.t.Context(), d, o)
}

// carries wants a lock with these files.
func (s *site) carries(entries string, files ...string) *builder.Locked {
	s.t.Helper()
	l, err := s.lock(entries, builder.LockOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	var has []string
	for i := range l.Items {
		has = append(has, filepath.Base(l.Items[i].Files[0].Path))
	}
	slices.Sort(has)
	slices.Sort(files)
	if !slices.Equal(has, files) {
		s.t.Errorf("carried %q\nwant    %q", has, files)
	}
	return l
}

// refuses wants an error with these texts.
func (s *site) refuses(entries string, sentinel error, wants ...string) {
	s.t.Helper()
	_, err := s.lock(entries, builder.LockOptions{})
	if err == nil || sentinel != nil && !errors.Is(err, sentinel) || sentinel == nil && errors.Is(err, artifact.ErrVerify) {
		s.t.Errorf("%s: %v", entries, err)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			s.t.Errorf("%s:\n%v\nwant %q", entries, err, want)
		}
	}
}

const linux = `{ python: "3.11", platform: manylinux_2_28_x86_64 }`

func entry(address, requirements string, more ...string) string {
	return fmt.Sprintf("  - { name: pypi, index: \"%s/simple/\", targets: [%s], requirements: [%s]%s }\n", address, linux, requirements, strings.Join(append([]string{""}, more...), ", "))
}

func TestHostile(t *testing.T) {
	good := pypitest.Dist{Project: "app", Version: "1.0"}
	name := good.FileName()
	for what, c := range map[string]struct {
		spoil    func(x *pypitest.Upstream)
		sentinel error
		wants    []string
	}{
		"metadata of another digest": {func(x *pypitest.Upstream) {
			x.Replace("files/"+name+".metadata", []byte("Name: app\nVersion: 1.0\nRequires-Dist: evil\n"))
		}, artifact.ErrVerify, []string{name, "mismatch"}},
		"metadata of another project": {func(x *pypitest.Upstream) {
			x.Replace("files/"+name+".metadata", []byte("Name: other\nVersion: 1.0\n"))
			x.Edit(name, func(e map[string]any) { e["core-metadata"] = true })
		}, artifact.ErrVerify, []string{name, "another project: other"}},
		"metadata of another version": {func(x *pypitest.Upstream) {
			x.Replace("files/"+name+".metadata", []byte("Name: app\nVersion: 2.0\n"))
			x.Edit(name, func(e map[string]any) { e["core-metadata"] = true })
		}, artifact.ErrVerify, []string{name, "of version 2.0"}},
		"a wheel of another digest, without metadata": {func(x *pypitest.Upstream) {
			x.Edit(name, func(e map[string]any) { delete(e, "core-metadata") })
			x.Replace("files/"+name, []byte("not it"))
		}, artifact.ErrVerify, []string{name, "mismatch"}},
		"no digest": {func(x *pypitest.Upstream) {
			x.Edit(name, func(e map[string]any) { e["hashes"] = map[string]string{"md5": "0"} })
		}, artifact.ErrVerify, []string{name, "does not state its SHA-256"}},
		"a lying name": {func(x *pypitest.Upstream) {
			x.Edit(name, func(e map[string]any) { e["filename"] = "other-1.0-py3-none-any.whl" })
		}, nil, []string{"app"}},
		"a name with dots":     {func(x *pypitest.Upstream) { x.Edit(name, func(e map[string]any) { e["filename"] = "../" + name }) }, nil, []string{"app"}},
		"a file of the system": {func(x *pypitest.Upstream) { x.Edit(name, func(e map[string]any) { e["url"] = "file:///etc/passwd" }) }, nil, []string{"app"}},
		"quarantined":          {func(x *pypitest.Upstream) { x.SetStatus("app", "quarantined", "it steals\nkeys") }, nil, []string{"quarantined", "it steals keys"}},
		"no page":              {func(x *pypitest.Upstream) { *x = *pypitest.NewUpstream() }, nil, []string{"app"}},
	} {
		t.Run(what, func(t *testing.T) {
			x := pypitest.NewUpstream(good)
			c.spoil(x)
			s := newSite(t)
			s.refuses(entry(start(t, x), "app"), c.sentinel, c.wants...)
		})
	}
}

// TestLost has an index that announces metadata and does not have it: the wheel is read, and the mirror announces none.
func TestLost(t *testing.T) {
	app := pypitest.Dist{Project: "app", Version: "1.0", Requires: []string{"lib"}}
	x := pypitest.NewUpstream(app, pypitest.Dist{Project: "lib", Version: "2"})
	x.Replace("files/"+app.FileName()+".metadata", nil)
	s := newSite(t)
	l := s.carries(entry(start(t, x), "app"), "app-1.0-py3-none-any.whl", "lib-2-py3-none-any.whl")
	if len(l.Items[0].Files) != 1 || len(l.Items[1].Files) != 2 || !strings.Contains(s.log.String(), "announces metadata") {
		t.Errorf("%+v, %s", l.Items, s.log.String())
	}
}

// TestElsewhere has an index on one host that leads to pages on another: relative addresses are that host's.
func TestElsewhere(t *testing.T) {
	x := pypitest.NewUpstream(pypitest.Dist{Project: "app", Version: "1.0"})
	there := start(t, x)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, there+r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	l := newSite(t).carries(entry(server.URL, "app"), "app-1.0-py3-none-any.whl")
	if u := l.Items[0].Files[0].URLs[0]; u != there+"/files/app-1.0-py3-none-any.whl" {
		t.Error(u)
	}
	if urls := l.Sources[0].URLs; !slices.Equal(urls, []string{server.URL + "/simple/", there + "/files"}) {
		t.Errorf("%q", urls)
	}
}

// TestRedirectedFile has a wheel that must be read, and that an index has on another host: its digest decides.
func TestRedirectedFile(t *testing.T) {
	app := pypitest.Dist{Project: "app", Version: "1.0", NoMetadata: true, NoSize: true}
	other := app
	other.Summary = "another"
	for want, elsewhere := range map[error]*pypitest.Upstream{nil: pypitest.NewUpstream(app), artifact.ErrVerify: pypitest.NewUpstream(other)} {
		there, x := start(t, elsewhere), pypitest.NewUpstream(app)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/files/") {
				http.Redirect(w, r, there+r.URL.Path, http.StatusFound)
				return
			}
			x.ServeHTTP(w, r)
		}))
		s := newSite(t)
		if want == nil {
			s.carries(entry(server.URL, "app"), "app-1.0-py3-none-any.whl")
		} else {
			s.refuses(entry(server.URL, "app"), want, "app-1.0-py3-none-any.whl", "mismatch")
		}
		server.Close()
	}
}

// TestSameNames has files whose names are the same once they are normalised: they are of one project, and each keeps its name.
func TestSameNames(t *testing.T) {
	x := pypitest.NewUpstream()
	for _, name := range []string{"my_app-1.0-py3-none-any.whl", "My.App-1.0-py3-none-any.whl", "my_app-1.00-py3-none-any.whl"} {
		d := pypitest.Dist{Project: "my-app", Version: "1.0"}
		x.AddFile("my-app", name, d.Wheel(), &d)
	}
	s, address := newSite(t), start(t, x)
	s.carries(entry(address, "my-app"), "my_app-1.0-py3-none-any.whl")
	s.carries(entry(address, "My_App", "versions: all"), "My.App-1.0-py3-none-any.whl", "my_app-1.0-py3-none-any.whl", "my_app-1.00-py3-none-any.whl")
}

func TestChoice(t *testing.T) {
	why := "broken"
	x := pypitest.NewUpstream(
		pypitest.Dist{Project: "app", Version: "1.0", Requires: []string{"lib", "win; sys_platform == 'win32'", "opt; extra == 'o'"}, Extras: []string{"o"}},
		pypitest.Dist{Project: "lib", Version: "1.0"}, pypitest.Dist{Project: "lib", Version: "1.1", Yanked: &why}, pypitest.Dist{Project: "lib", Version: "2.0b1"}, pypitest.Dist{Project: "lib", Version: "3", RequiresPython: ">=3.12"},
		pypitest.Dist{Project: "opt", Version: "1", Tag: "cp311-abi3-manylinux_2_5_x86_64"}, pypitest.Dist{Project: "opt", Version: "1"}, pypitest.Dist{Project: "opt", Version: "1", Tag: "cp311-cp311-win_amd64"},
		pypitest.Dist{Project: "bad", Version: "1", Requires: []string{"x @ https://example.org/x-1-py3-none-any.whl"}},
	)
	address := start(t, x)
	s := newSite(t)
	s.carries(entry(address, `"App[O]"`), "app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl", "opt-1-cp311-abi3-manylinux_2_5_x86_64.whl")
	s.carries(entry(address, `"lib==1.1"`), "lib-1.1-py3-none-any.whl")
	s.carries(entry(address, "lib", "pre: true"), "lib-2.0b1-py3-none-any.whl")
	s.carries(entry(address, `"lib<3"`, "versions: all"), "lib-1.0-py3-none-any.whl", "lib-1.1-py3-none-any.whl")
	s.refuses(entry(address, `"lib>=3"`), nil, "Python", "3.12")
	s.refuses(entry(address, "bad"), nil, "https://example.org")
	s.refuses(entry(address, `"x @ https://example.org/x-1-py3-none-any.whl"`), nil, "mirror.yaml:3", "required from the address")
}

// TestOthers has a name on two indexes: the definition says which one it comes from, and the other is not asked.
func TestOthers(t *testing.T) {
	public := pypitest.NewUpstream(pypitest.Dist{Project: "acme-lib", Version: "99"}, pypitest.Dist{Project: "app", Version: "1", Requires: []string{"Acme.Lib"}})
	own := pypitest.NewUpstream(pypitest.Dist{Project: "acme-lib", Version: "1"}, pypitest.Dist{Project: "app", Version: "99"})
	from := fmt.Sprintf(`from: [{ index: "%s/simple", names: "acme-*" }]`, start(t, own))
	newSite(t).carries(entry(start(t, public), "app", from), "acme_lib-1-py3-none-any.whl", "app-1-py3-none-any.whl")
	if requests := append(public.Requests(), own.Requests()...); slices.Contains(requests[:3], "/simple/acme-lib/") {
		t.Errorf("%q", requests)
	}
}

// TestKept keeps what is locked until it may move.
func TestKept(t *testing.T) {
	x := pypitest.NewUpstream(pypitest.Dist{Project: "app", Version: "1", Requires: []string{"lib"}}, pypitest.Dist{Project: "lib", Version: "1"})
	s, e := newSite(t), entry(start(t, x), "app")
	s.carries(e, "app-1-py3-none-any.whl", "lib-1-py3-none-any.whl")
	x.Add(&pypitest.Dist{Project: "lib", Version: "2"})
	s.carries(e, "app-1-py3-none-any.whl", "lib-1-py3-none-any.whl")
	if l, err := s.lock(e, builder.LockOptions{Update: true}); err != nil || l.Items[1].Version != "2" {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestWheelFits builds an image of wheels that are not what their index, or their name, says.
func TestWheelFits(t *testing.T) {
	dist := pypitest.Dist{Project: "app", Version: "1.0", Requires: []string{"lib"}}
	other := pypitest.Dist{Project: "app", Version: "1.0"}
	old := pypitest.Dist{Project: "app", Version: "0.9"}
	for want, c := range map[string]struct {
		wheel []byte
		d     pypitest.Dist
	}{"": {dist.Wheel(), dist}, "is not the wheel's": {other.Wheel(), dist}, "not a zip archive": {[]byte("x"), dist}, "of app 0.9": {bytes.ReplaceAll(old.Wheel(), []byte("app-0.9.dist"), []byte("app-1.0.dist")), dist}} {
		x := pypitest.NewUpstream(pypitest.Dist{Project: "lib", Version: "1"})
		x.AddFile("app", dist.FileName(), c.wheel, &c.d)
		l := newSite(t).carries(entry(start(t, x), "app"), "app-1.0-py3-none-any.whl", "lib-1-py3-none-any.whl")
		item := &l.Items[0]
		contents := map[string][]byte{item.Files[0].Path: c.wheel, item.Files[1].Path: c.d.Metadata()}
		err := pypi.Kind{}.CheckFiles(item, func(f *artifact.File) (artifact.ReadSeekerAt, error) {
			return memory{bytes.NewReader(contents[f.Path])}, nil
		})
		if want == "" && err != nil || want != "" && (!errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	app := pypitest.Dist{Project: "app", Version: "1", Requires: []string{"lib"}}
	lib, newer := pypitest.Dist{Project: "lib", Version: "1"}, pypitest.Dist{Project: "lib", Version: "2"}
	x := pypitest.NewUpstream(app, lib, newer)
	address, s := start(t, x), newSite(t)
	entry := func(more string) string {
		return fmt.Sprintf("  - { name: pypi, index: \"%s/simple/\", targets: [%s], %s }\n", address, linux, more)
	}
	hash := func(d pypitest.Dist) string { return fmt.Sprintf("%x", sha256.Sum256(d.Wheel())) }
	s.write("constraints.txt", "lib<2\n")
	s.carries(entry("requirements: app, constraints: constraints.txt"), "app-1-py3-none-any.whl", "lib-1-py3-none-any.whl")
	s.write("requirements.txt", "app # the latest\nlib ; python_version < '3'\n-r more.txt\n")
	s.write("more.txt", "lib!=3\n")
	if err := os.Remove(filepath.Join(s.dir, "mirror.lock")); err != nil { // it would keep lib 1
		t.Fatal(err)
	}
	s.carries(entry("files: requirements.txt"), "app-1-py3-none-any.whl", "lib-2-py3-none-any.whl")
	s.write("hashed.txt", fmt.Sprintf("app==1 --hash=sha256:%s\nlib==1 --hash=sha256:%s\n", hash(app), hash(lib)))
	l := s.carries(entry("files: [hashed.txt]"), "app-1-py3-none-any.whl", "lib-1-py3-none-any.whl")
	if text := fmt.Sprint(l.Items[0].Metadata); !strings.Contains(text, "Needed-By: file hashed.txt") {
		t.Error(text)
	}
	s.write("hashed.txt", fmt.Sprintf("app==1 --hash=sha256:%s\n", hash(app)))
	s.refuses(entry("files: hashed.txt"), nil, "lib", "hashed.txt")
	s.write("hashed.txt", fmt.Sprintf("app==1 --hash=sha256:%s\nlib==1 --hash=sha256:%s\n", hash(app), hash(newer)))
	s.refuses(entry("files: hashed.txt"), nil, "lib", "digest")
	s.write("other.txt", "--index-url https://example.org/simple\napp\n")
	s.refuses(entry("files: other.txt"), nil, "other.txt:1")
	s.refuses(entry("files: absent.txt"), nil, "absent.txt")

	s.write("pylock.toml", fmt.Sprintf("lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"app\"\nversion = \"1\"\n[[packages.wheels]]\nname = %q\nurl = \"https://files.example.org/a.whl\"\nhashes = { sha256 = %q }\n"+
		"[[packages]]\nname = \"lib\"\nversion = \"1\"\n[[packages.wheels]]\nname = %q\nurl = \"https://files.example.org/b.whl\"\nhashes = { sha256 = %q }\n", app.FileName(), hash(app), lib.FileName(), hash(lib)))
	s.carries(entry("files: pylock.toml"), "app-1-py3-none-any.whl", "lib-1-py3-none-any.whl")
}

// TestSource carries a source distribution with what builds it.
func TestSource(t *testing.T) {
	x := pypitest.NewUpstream(pypitest.Dist{Project: "lib", Version: "1"}, pypitest.Dist{Project: "setuptools", Version: "66"}, pypitest.Dist{Project: "wheel", Version: "0.40"})
	tarball := func(name string, files ...string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for i := 0; i < len(files); i += 2 {
			err := w.WriteHeader(&tar.Header{Name: name + "/" + files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg})
			if err == nil {
				_, err = w.Write([]byte(files[i+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Close(), z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	x.AddFile("old", "old-1.0.tar.gz", tarball("old-1.0", "PKG-INFO", "Metadata-Version: 2.1\nName: old\nVersion: 1.0\n", "old.egg-info/requires.txt", "lib\n"), nil)
	x.AddFile("blind", "blind-1.0.tar.gz", tarball("blind-1.0", "PKG-INFO", "Metadata-Version: 2.1\nName: blind\nVersion: 1.0\n"), nil)
	address, s := start(t, x), newSite(t)
	s.carries(entry(address, "old", "sdist: old"), "lib-1-py3-none-any.whl", "old-1.0.tar.gz", "setuptools-66-py3-none-any.whl", "wheel-0.40-py3-none-any.whl")
	s.refuses(entry(address, "old"), nil, "old", "sdist")
	s.refuses(entry(address, "blind", "sdist: blind"), nil, "blind", "only known after")
}
