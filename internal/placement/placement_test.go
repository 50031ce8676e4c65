package placement

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// An archive is made-up packages of which some change each month.
type archive struct {
	random   *rand.Rand
	packages []Wanted
	names    []int
	made     int
}

func newArchive(seed uint64, count int) *archive {
	a := &archive{random: rand.New(rand.NewPCG(seed, 1))}
	for range count {
		a.add()
	}
	return a
}

// add adds a package. Sizes are spread as those of Debian's packages are: most have tens of kB, a few have a hundred MB.
func (a *archive) add() {
	a.packages, a.names = append(a.packages, Wanted{}), append(a.names, a.made)
	a.change(len(a.packages) - 1)
}

func (a *archive) change(i int) {
	a.made++
	size := int64(math.Exp(11+2*a.random.NormFloat64())) + 1000
	a.packages[i] = Wanted{File{fmt.Sprintf("mirror/debian/pool/main/p%d/package_%d_%d.deb", a.names[i]%97, a.names[i], a.made), min(size, 200<<20),
		fmt.Sprintf("%064x", a.random.Uint64())}, "group " + string(rune('a'+a.names[i]%5))}
}

// month changes a share of the packages.
func (a *archive) month(share float64) {
	for i := range a.packages {
		if a.random.Float64() < share {
			a.change(i)
		}
	}
}

// check fails unless the layers are as the package promises.
func check(t *testing.T, base, layers []Layer, wanted []Wanted, o Options) (shipped, unused, all int64) {
	t.Helper()
	again, err := Place(layers, wanted, o)
	if err != nil {
		t.Fatal(err)
	}
	var stack tarlayer.Stack
	for i, l := range layers {
		if len(l.Files) == 0 {
			t.Errorf("layer %d has nothing that is wanted", i)
		}
		same := again[i]
		same.Kept = l.Kept
		if len(again) != len(layers) || !reflect.DeepEqual(same, l) {
			t.Fatalf("placed again, layer %d is another", i)
		}
		for _, f := range append(l.Files, l.Unused...) {
			stack.Add(i, f.Path)
		}
	}
	where := make(map[string]File)
	limit := max(o.LayerSize, 2*(&placing{wanted: wanted}).size()/int64(o.MaxLayers))
	for i, l := range layers {
		var size int64 = tarlayer.TarTrailer
		for _, f := range l.Files {
			if _, found := where[f.Path]; found || !stack.Sees(i, f.Path) {
				t.Errorf("%s is in two layers, or hidden", f.Path)
			}
			where[f.Path] = f
			size += l.cost(&f)
		}
		for _, f := range l.Unused {
			size += l.cost(&f)
		}
		unused += l.UnusedSize()
		all += size
		if !l.Kept {
			shipped += size
			if size > limit && len(l.Files)-len(l.Links) > 1 {
				t.Errorf("layer %d has %d bytes", i, size)
			}
		}
	}
	for _, w := range wanted {
		if where[w.Path] != w.File {
			t.Errorf("%s is not placed", w.Path)
		}
	}
	if len(where) != len(wanted) {
		t.Errorf("%d files for %d", len(where), len(wanted))
	}
	if len(layers) > o.MaxLayers || unused*100 > all*int64(o.MaxUnused) {
		t.Errorf("%d layers, %d of %d bytes unused", len(layers), unused, all)
	}
	return shipped, unused, all
}

// A kept layer is byte by byte what it was: it has the same files.
func TestKeptLayersStay(t *testing.T) {
	a := newArchive(1, 400)
	o := Options{LayerSize: 32 << 20, MaxLayers: 40, MaxUnused: 25}
	base, err := Place(nil, a.packages, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, nil, base, a.packages, o)
	a.month(0.05)
	layers, err := Place(base, a.packages, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, base, layers, a.packages, o)
	kept := 0
	for _, l := range layers {
		if !l.Kept {
			continue
		}
		kept++
		same := false
		has := make(map[File]bool)
		for _, f := range append(l.Files, l.Unused...) {
			has[f] = true
		}
		for _, b := range base {
			if b.Title == l.Title && len(has) == len(b.Files) && has[b.Files[0]] {
				same = true
				for _, f := range b.Files {
					if !has[f] {
						t.Errorf("%s left a layer that is kept", f.Path)
					}
				}
			}
		}
		if !same {
			t.Errorf("%s: no layer of the base has its files", l.Title)
		}
	}
	if kept < len(base)/2 {
		t.Errorf("%d of %d layers are kept", kept, len(base))
	}
}

// Whatever changes, the layers are as promised; and what an update ships is what changed, but for the months in which layers are given up.
func TestManyUpdates(t *testing.T) {
	for seed := range uint64(8) {
		a := newArchive(seed, 300)
		o := Options{LayerSize: 16 << 20 << (seed % 4), MaxLayers: 40, MaxUnused: 25}
		var layers []Layer
		for month := range 30 {
			a.month(a.random.Float64() * 0.08)
			if seed%3 == 0 && month%7 == 3 { // packages leave, others come
				a.packages, a.names = a.packages[20:], a.names[20:]
				for range 10 {
					a.add()
				}
			}
			before, had, changed := layers, make(map[File]bool), int64(0)
			for _, l := range before {
				for _, f := range l.Files {
					had[f] = true
				}
			}
			for _, w := range a.packages {
				if !had[w.File] {
					changed += w.Size
				}
			}
			var err error
			if layers, err = Place(before, a.packages, o); err != nil {
				t.Fatal(err)
			}
			shipped, _, _ := check(t, before, layers, a.packages, o)
			kept := 0
			for _, l := range layers {
				if l.Kept {
					kept++
				}
			}
			if month > 0 && kept == len(before) && shipped > changed+changed/20+1<<20 {
				t.Errorf("seed %d, month %d: %d bytes changed, %d shipped", seed, month, changed, shipped)
			}
		}
	}
}

// A file that is wanted again is in the layer that still has it, unless a later layer would hide it.
func TestWantedAgain(t *testing.T) {
	file := func(path, content string) Wanted {
		return Wanted{File{"mirror/" + path, 1000, fmt.Sprintf("%064s", content)}, "g"}
	}
	bulk := Wanted{File{"mirror/bulk", 1 << 20, fmt.Sprintf("%064d", 0)}, "g"}
	for _, c := range []struct {
		name   string
		months [][]Wanted
		at     []int // the layer of the last month's first file
	}{
		{"the same again", [][]Wanted{{file("a", "1"), bulk}, {bulk}, {file("a", "1"), bulk}}, []int{0}},
		{"another content between", [][]Wanted{{file("a", "1"), bulk}, {file("a", "2"), file("b", "1"), bulk}, {file("a", "1"), file("b", "1"), bulk}}, []int{2}},
		{"another content between, in a layer that leaves", [][]Wanted{{file("a", "1"), bulk}, {file("a", "2"), bulk}, {file("a", "1"), bulk}}, []int{0}},
		{"a folder between", [][]Wanted{{file("a", "1"), bulk}, {file("a/b", "1"), file("b", "1"), bulk}, {file("a", "1"), file("b", "1"), bulk}}, []int{2}},
		{"a file between", [][]Wanted{{file("a/b", "1"), bulk}, {file("a", "1"), file("b", "1"), bulk}, {file("a/b", "1"), file("b", "1"), bulk}}, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var layers []Layer
			o := Options{LayerSize: 8 << 20, MaxLayers: 60, MaxUnused: 25}
			for _, wanted := range c.months {
				next, err := Place(layers, wanted, o)
				if err != nil {
					t.Fatal(err)
				}
				check(t, layers, next, wanted, o)
				layers = next
			}
			want := c.months[len(c.months)-1][0].File
			for i, l := range layers {
				for _, f := range l.Files {
					if f == want && i != c.at[0] {
						t.Errorf("layer %d", i)
					}
				}
			}
		})
	}
}

// However many groups and bytes there are, there are not more layers than allowed.
func TestFewLayers(t *testing.T) {
	var wanted []Wanted
	for i := range 500 {
		wanted = append(wanted, Wanted{File{fmt.Sprintf("mirror/f%d", i), 1 << 20, fmt.Sprintf("%064d", i)}, fmt.Sprint("group ", i)})
	}
	for _, most := range []int{1, 2, 60} {
		layers, err := Place(nil, wanted, Options{LayerSize: 2 << 20, MaxLayers: most})
		if err != nil || len(layers) > most {
			t.Errorf("%d layers of %d: %v", len(layers), most, err)
		}
	}
	if _, err := Place(nil, append(wanted, wanted[0]), Options{}); err == nil {
		t.Error("a path is repeated, and there is no error")
	}
}

func TestFile(t *testing.T) {
	a := newArchive(7, 50)
	o := Options{LayerSize: 4 << 20, MaxLayers: 40, MaxUnused: 25}
	first, err := Place(nil, a.packages, o)
	if err != nil {
		t.Fatal(err)
	}
	a.month(0.1)
	layers, err := Place(first, a.packages, o)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mirror.layers")
	if _, err := Read(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for range 2 {
		if err := Write(file, layers); err != nil {
			t.Fatal(err)
		}
	}
	read, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Place(read, a.packages, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range layers {
		layers[i].Kept = true
	}
	if !reflect.DeepEqual(again, layers) {
		t.Error("what was read makes other layers")
	}
	data, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(data[:min(len(data), 8000)], []byte{0}) {
		t.Error("git would take it for text", err)
	}
	for _, line := range []string{"1 %s etc/passwd", "1 %s minimirror", "1 %s mirror/minimirror.catalog", "1 %s mirror/a/.wh.b", "1 %s mirror/../x", "x %s mirror/a", "1 %s "} {
		if f, err := parseFile(fmt.Sprintf(line, strings.Repeat("0", 64))); err == nil {
			t.Errorf("%v", f)
		}
	}
	for name, damaged := range map[string][]byte{"empty": {}, "text": []byte("layers"), "cut": data[:len(data)/2]} {
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file); !errors.Is(err, artifact.ErrVerify) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		layers, err := decode(data)
		if err == nil {
			_, _ = Place(layers, nil, Options{})
		}
	})
}

// Layers of something else make no difference.
func TestForeignBase(t *testing.T) {
	a, other := newArchive(1, 50), newArchive(2, 50)
	for i := range other.packages {
		other.packages[i].Path += ".other"
	}
	base, err := Place(nil, other.packages, Options{})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Place(nil, a.packages, Options{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := Place(base, a.packages, Options{})
	if err != nil || !reflect.DeepEqual(alone, after) {
		t.Errorf("other layers: %v", err)
	}
}

// TestAdded keeps the date of a kept layer, in the file, too, and knows none of a new layer or of a file without dates.
func TestAdded(t *testing.T) {
	day := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	sum := strings.Repeat("a", 64)
	old, new := File{Path: "mirror/s/old", Size: 1, SHA256: sum}, File{Path: "mirror/s/new", Size: 1, SHA256: sum}
	layers, err := Place([]Layer{{Title: "first", Added: day, Files: []File{old}}}, []Wanted{{old, "g"}, {new, "g"}}, Options{})
	if err != nil || len(layers) != 2 || !layers[0].Added.Equal(day) || !layers[1].Added.IsZero() {
		t.Fatalf("%+v, %v", layers, err)
	}
	name := filepath.Join(t.TempDir(), "mirror.layers")
	if err := Write(name, layers); err != nil {
		t.Fatal(err)
	}
	read, err := Read(name)
	if err != nil || len(read) != 2 || !read[0].Added.Equal(day) || !read[1].Added.IsZero() {
		t.Errorf("%+v, %v", read, err)
	}
	earlier, err := decode(gzipped(t, `{"version":1,"layers":[{"title":"x","files":["1 `+sum+` mirror/s/old"]}]}`))
	if err != nil || !earlier[0].Added.IsZero() {
		t.Errorf("%+v, %v", earlier, err)
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
