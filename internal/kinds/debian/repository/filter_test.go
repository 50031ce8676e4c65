package repository

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// randomPins makes pins of several sources, suites, components and architectures.
func randomPins(random *rand.Rand, n int) artifact.Pins {
	release := func(name string, metadata ...string) artifact.Release {
		return artifact.Release{Name: name, Metadata: append([]string{"Origin: Test", "Suite: " + strings.Trim(name, "./")}, metadata...)}
	}
	pins := artifact.Pins{Date: debiantest.Today, Sources: []artifact.Source{
		{Kind: "debian", Name: "d", Releases: []artifact.Release{
			release("bookworm", "Components: main contrib", "Architectures: amd64 arm64"),
			release("bookworm/updates", "Components: main", "Architectures: amd64 arm64"),
		}},
		{Kind: "debian", Name: "v", Releases: []artifact.Release{release("./", "Architectures: amd64 arm64"), release("sub/", "Architectures: amd64")}},
	}}
	channels := map[string][]string{"d": {"bookworm/contrib", "bookworm/main", "bookworm/updates/main"}, "v": {"./", "sub/"}}
	for i := range n {
		a := artifact.Item{Kind: "debian", Source: []string{"d", "v"}[random.IntN(2)], Name: fmt.Sprintf("p%d", i), Version: "1", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{[]string{"amd64", "arm64", "all"}[random.IntN(3)]}}}, Files: []artifact.File{{Size: 1000, SHA256: deb822.SHA256([]byte{byte(i)})}}}
		a.Files[0].Path = fmt.Sprintf("pool/%s_1+b1_%s.deb", a.Name, a.Architecture())
		a.Metadata = []string{"Description: one", " Filename: pool/nothing.deb", " .", " more", "X-Filename: pool/nothing.deb"}
		for len(a.Attributes.Values("channel")) == 0 {
			for _, c := range channels[a.Source] {
				if random.IntN(2) == 0 {
					debiantest.InChannels(&a, append(a.Attributes.Values("channel"), c)...)
				}
			}
		}
		pins.Items = append(pins.Items, a)
	}
	slices.SortFunc(pins.Items, func(a, b artifact.Item) int { return artifact.Compare(&a, &b) })
	return pins
}

func plan(t testing.TB, pins artifact.Pins) []artifact.Generated {
	t.Helper()
	files, err := Publish(pins, debiantest.TestSigner{Key: debiantest.NewKey("k")})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFilterIsPlan: with nothing absent the files are those of Plan; and what Filter leaves of an image is what
// Plan makes of the pins that are left.
func TestFilterIsPlan(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		pins := randomPins(random, random.IntN(40))
		image := debiantest.TestTree{}.With(t, plan(t, pins))
		share := random.IntN(5) // of 4
		gone := map[string]bool{}
		for _, a := range pins.Items {
			gone[a.ID()] = random.IntN(4) < share
		}
		absent := func(id string) bool { return gone[id] }
		files, err := Filter(context.Background(), debiantest.FilterRequest(image, pins.Sources, absent))
		if err != nil {
			t.Fatal(err)
		}
		got, want := image.With(t, files), debiantest.TestTree{}.With(t, plan(t, debiantest.Without(pins, absent)))
		again, err := Filter(context.Background(), debiantest.FilterRequest(image, pins.Sources, absent))
		if err != nil || !maps.EqualFunc(image.With(t, again), got, bytes.Equal) || !slices.EqualFunc(again, files, func(a, b artifact.Generated) bool { return a.Path == b.Path }) {
			t.Fatalf("seed %d: the same request, other files (%v)", seed, err)
		}
		for name, data := range want {
			switch {
			case strings.Contains(name, "by-hash") || strings.HasSuffix(name, ".gz"):
			case share == 0 || path.Base(name) == "Packages":
				if !bytes.Equal(got[name], data) {
					t.Fatalf("seed %d: %s is\n%s\nwant\n%s", seed, name, got[name], data)
				}
			}
		}
		checkSuites(t, got, pins.Sources)
		for _, f := range files {
			if share == 0 && !slices.Contains([]string{"Release", "Release.gpg", "InRelease"}, path.Base(f.Path)) {
				t.Fatalf("seed %d: %s is new, though nothing is absent", seed, f.Path)
			}
			if f.Modified != debiantest.Today {
				t.Fatalf("seed %d: %s: %v", seed, f.Path, f.Modified)
			}
		}
	}
}

// checkSuites checks all indexes against the Releases, under both names.
func checkSuites(t *testing.T, tree debiantest.TestTree, sources []artifact.Source) {
	t.Helper()
	for _, source := range sources {
		for _, r := range source.Releases {
			var parsed archive.Release
			folder := path.Join(source.Name, deb822.Dists(r.Name))
			if err := parsed.Parse(tree[path.Join(folder, "Release")]); err != nil {
				t.Fatal(err)
			}
			if len(parsed.Files) == 0 || len(parsed.Files)%2 != 0 {
				t.Fatalf("%s lists %d files", folder, len(parsed.Files))
			}
			for name, content := range parsed.Files {
				data := tree[path.Join(folder, name)]
				byHash := tree[path.Join(folder, path.Dir(name), "by-hash/SHA256", content.SHA256)]
				if deb822.SHA256(data) != content.SHA256 || int64(len(data)) != content.Size || !bytes.Equal(byHash, data) {
					t.Fatalf("%s: %s is not what the Release lists", folder, name)
				}
				plain, packed := strings.CutSuffix(name, ".gz")
				if !packed {
					continue
				}
				zip, err := gzip.NewReader(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(zip); err != nil || !bytes.Equal(text, tree[path.Join(folder, plain)]) {
					t.Fatalf("%s: %s is not %s: %v", folder, name, plain, err)
				}
			}
		}
	}
}

func TestFilterMovesTheDate(t *testing.T) {
	pins := randomPins(rand.New(rand.NewPCG(1, 1)), 9)
	image := debiantest.TestTree{}.With(t, plan(t, pins))
	req := debiantest.FilterRequest(image, pins.Sources, func(string) bool { return false })
	req.Date = debiantest.Today.Add(90 * time.Minute).In(time.FixedZone("", 3600))
	files, err := Filter(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := image.With(t, files)["d/dists/bookworm/Release"]
	date := func(at time.Time) string { return "Date: " + at.UTC().Format(deb822.DateLayout) }
	if want := strings.Replace(string(image["d/dists/bookworm/Release"]), date(debiantest.Today), date(req.Date), 1); string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A Release of another program's image: several digests, other indexes and encodings, fields of several lines.
func TestFilterOfOtherReleases(t *testing.T) {
	stanza := func(name string) string { return "Package: " + name + "\nFilename: " + name + ".deb\n" }
	index := stanza("a") + "\n\n" + "Package: no-file\n\n" + stanza("b") // no empty line at the end
	image := debiantest.TestTree{"d/dists/s/x/Packages": []byte(index), "d/dists/s/y/Packages": []byte(stanza("c"))}
	line := func(name, data string) string {
		return fmt.Sprintf(" %s %d %s\n", deb822.SHA256([]byte(data)), len(data), name)
	}
	head := "Suite: s\nNotes: one\n two\n  three\n"
	kept := line("y/Packages", stanza("c")) + line("y/Packages.xz", "xz") + line("y/Contents", "contents")
	image["d/dists/s/Release"] = []byte(head + "MD5Sum:\n 00 1 x/Packages\nDate: Sat, 11 Jul 2020 10:16:37 UTC\nSHA256:\n" +
		line("x/Packages", index) + line("x/Packages.xz", "xz") + line("x/Packages.diff/Index", "diff") + kept + "Changelogs: no\n")
	sources := []artifact.Source{{Name: "d", Releases: []artifact.Release{{Name: "s"}}}}
	files, err := Filter(context.Background(), debiantest.FilterRequest(image, sources, func(id string) bool { return id == "d/a.deb" }))
	if err != nil {
		t.Fatal(err)
	}
	tree := image.With(t, files)
	left := "\nPackage: no-file\n\n" + stanza("b")
	if got := string(tree["d/dists/s/x/Packages"]); got != left {
		t.Errorf("got %q, want %q", got, left)
	}
	want := head + "Date: " + debiantest.Today.Format(deb822.DateLayout) + "\nSHA256:\n" + line("x/Packages", left) + line("x/Packages.gz", string(tree["d/dists/s/x/Packages.gz"])) + kept + "Changelogs: no\n"
	if got := string(tree["d/dists/s/Release"]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFilterRefuses(t *testing.T) {
	pins := randomPins(rand.New(rand.NewPCG(2, 2)), 20)
	good := debiantest.TestTree{}.With(t, plan(t, pins))
	const index, release = "d/dists/bookworm/main/binary-amd64/Packages", "d/dists/bookworm/Release"
	for _, c := range []struct {
		name, file string
		edit       func([]byte) []byte
		want       string
		verify     bool
	}{
		{"a changed index", index, func(b []byte) []byte { return bytes.Replace(b, []byte("1000"), []byte("1001"), 1) }, "not what the Release lists", true},
		{"a short index", index, func(b []byte) []byte { return b[:len(b)/2] }, "not what the Release lists", true},
		{"no index", index, nil, "not exist", false},
		{"no Release", release, nil, "not exist", false},
		{"a damaged Release", release, func([]byte) []byte { return []byte("<html>") }, "want a field", false},
		{"a way out of the suite", release, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(" main/"), []byte(" ../../../v/")) }, "invalid path", false},
		{"an endless stanza", index, func(b []byte) []byte { return bytes.Repeat([]byte("x"), maxStanza+1) }, "too long", false},
	} {
		image := maps.Clone(good)
		if delete(image, c.file); c.edit != nil {
			image[c.file] = c.edit(good[c.file])
		}
		_, err := Filter(context.Background(), debiantest.FilterRequest(image, pins.Sources, func(string) bool { return true }))
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, artifact.ErrVerify) != c.verify || !strings.HasPrefix(err.Error(), "debian: "+c.file+": ") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("enough"))
	if _, err := Filter(ctx, debiantest.FilterRequest(good, pins.Sources, func(string) bool { return true })); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// FuzzFilterIndex takes stanzas out of any file: what stays is what has no such Filename.
func FuzzFilterIndex(f *testing.F) {
	f.Add([]byte("Package: a\nFilename: a\n\nPackage: b\nFilename: b\n\n"))
	f.Add([]byte("\n\n\nFilename: a\n\n\n\nfilename:a\n x"))
	f.Fuzz(func(t *testing.T, index []byte) {
		release := fmt.Sprintf("Date: Sat, 11 Jul 2020 10:16:37 UTC\nSHA256:\n %s %d Packages\n", deb822.SHA256(index), len(index))
		image := debiantest.TestTree{"d/Packages": index, "d/Release": []byte(release)}
		sources := []artifact.Source{{Name: "d", Releases: []artifact.Release{{Name: "./"}}}}
		absent := func(id string) bool { return id == "d/a" }
		files, err := Filter(context.Background(), debiantest.FilterRequest(image, sources, absent))
		if err != nil {
			t.Fatal(err)
		}
		left := image.With(t, files)["d/Packages"]
		for stanza := range strings.SplitSeq(string(left), "\n\n") {
			if deb822.StanzaField(stanza, "Filename") == "a" {
				t.Fatalf("%q is left of %q", stanza, index)
			}
		}
		if bytes.Count(index, []byte("a")) == 0 && !bytes.Equal(left, index) {
			t.Fatalf("%q is left of %q", left, index)
		}
	})
}
