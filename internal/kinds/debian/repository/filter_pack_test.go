package repository

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// wideImage is an image with one index of several windows, of packages p0, p1 and so on.
func wideImage() (tree debiantest.TestTree, sources []artifact.Source, packages int) {
	random := rand.New(rand.NewPCG(1, 1))
	var index bytes.Buffer
	for ; index.Len() < 5*packWindow/2; packages++ {
		fmt.Fprintf(&index, "Package: p%d\nFilename: p%d.deb\nDescription: %x\n\n", packages, packages, random.Perm(random.IntN(300)))
	}
	release := fmt.Sprintf("Date: Sat, 11 Jul 2020 10:16:37 UTC\nSHA256:\n %s %d Packages\n", deb822.SHA256(index.Bytes()), index.Len())
	return debiantest.TestTree{"d/Packages": index.Bytes(), "d/Release": []byte(release)}, []artifact.Source{{Name: "d", Releases: []artifact.Release{{Name: "./"}}}}, packages
}

// What was made before saves work, and never changes the answer.
func TestFilterBefore(t *testing.T) {
	image, sources, packages := wideImage()
	random := rand.New(rand.NewPCG(2, 2))
	var before []artifact.Generated
	for round := range 20 {
		gone := map[string]bool{}
		for range random.IntN(4) {
			gone[fmt.Sprintf("d/p%d.deb", random.IntN(packages))] = true
		}
		if round == 7 { // all of a window, and more
			for i := range packages / 2 {
				gone[fmt.Sprintf("d/p%d.deb", i)] = true
			}
		}
		req := debiantest.FilterRequest(image, sources, func(id string) bool { return gone[id] })
		want, err := Filter(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		req.Before = before
		got, err := Filter(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		a, b := image.With(t, got), image.With(t, want)
		for name := range b {
			if !bytes.Equal(a[name], b[name]) {
				t.Fatalf("round %d: %s differs", round, name)
			}
		}
		if len(gone) > 0 {
			checkSuites(t, a, sources)
		}
		before = got
	}
}

// Only windows in which something changes are made anew.
func TestFilterSharesChunks(t *testing.T) {
	image, sources, _ := wideImage()
	packed := func(before []artifact.Generated, absent ...string) (files []artifact.Generated, chunks [][]byte) {
		req := debiantest.FilterRequest(image, sources, func(id string) bool { return slices.Contains(absent, id) })
		req.Before = before
		files, err := Filter(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(files, func(f artifact.Generated) bool { return f.Path == "d/Packages.gz" })
		return files, files[at].Chunks
	}
	files, first := packed(nil, "d/p1.deb")
	_, second := packed(files, "d/p1.deb", "d/p2.deb")
	if len(first) != 3+2 || len(second) != len(first) {
		t.Fatalf("%d, %d chunks", len(first), len(second))
	}
	for i := 1; i < len(first)-1; i++ {
		if shared := &first[i][0] == &second[i][0]; shared != (i > 1) {
			t.Errorf("chunk %d: shared %v", i, shared)
		}
	}
	zip, err := gzip.NewReader(bytes.NewReader(bytes.Join(second, nil)))
	if err != nil {
		t.Fatal(err)
	}
	zip.Multistream(false) // not all programs read on behind the first member
	text, err := io.ReadAll(zip)
	if err != nil || len(text) == 0 || bytes.Contains(text, []byte("\nFilename: p2.deb\n")) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}
