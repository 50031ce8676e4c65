package filecache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/filecache"
)

// content is that of a file, by its number.
func content(n, size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(data)
	return data
}

func fileOf(data []byte) filecache.File {
	sum := sha256.Sum256(data)
	return filecache.File{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

// giving is a source of what it holds; it counts.
type giving struct {
	data []byte
	err  error // instead
	asks atomic.Int64
}

func (g *giving) open(context.Context, bool) (io.ReadCloser, error) {
	g.asks.Add(1)
	if g.err != nil {
		return nil, g.err
	}
	return io.NopCloser(bytes.NewReader(g.data)), nil
}

func open(t testing.TB, dir string, size int64) *filecache.Cache {
	t.Helper()
	c, err := filecache.Open(filecache.Options{Dir: dir, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// read reads all of a file, in steps.
func read(c *filecache.Cache, f filecache.File, source filecache.Source) ([]byte, error) {
	r, err := c.Open(context.Background(), time.Minute, f, source)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return rest(r, 0, f.Size)
}

func rest(r *filecache.Reader, from, to int64) (data []byte, err error) {
	buffer := make([]byte, 32<<10)
	for at := from; at < to; {
		n, err := r.ReadSome(buffer[:min(int64(len(buffer)), to-at)], at)
		data, at = append(data, buffer[:n]...), at+int64(n)
		if err != nil {
			return data, err
		}
	}
	return data, nil
}

// onDisk is what the files of the folder take.
func onDisk(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	for _, folder := range []string{"files", "part"} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
			}
		}
	}
	return bytes
}

func TestFilesStay(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 64<<20)
	for _, size := range []int{0, 1, 4096, 90_000, filecache.Whole, filecache.Whole + 1, 5 << 20} {
		data := content(size, size)
		source := &giving{data: data}
		for range 3 {
			if got, err := read(c, fileOf(data), source.open); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
			}
		}
		if n := source.asks.Load(); n != 1 {
			t.Errorf("%d bytes: fetched %d times", size, n)
		}
	}
	// Another process, later: nothing is fetched; what was damaged is.
	before := c.Stats()
	c.Close()
	damaged := fileOf(content(4096, 4096))
	if err := os.WriteFile(filepath.Join(dir, "files", damaged.SHA256), make([]byte, 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	cut := fileOf(content(90_000, 90_000))
	if err := os.Truncate(filepath.Join(dir, "files", cut.SHA256), 10); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir, 64<<20)
	for _, size := range []int{0, 1, 4096, 90_000, 5 << 20} {
		data := content(size, size)
		source := &giving{data: data}
		if got, err := read(c, fileOf(data), source.open); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
		if n := source.asks.Load() == 1; n != (size == 4096 || size == 90_000) {
			t.Errorf("%d bytes after a restart: fetched: %t", size, n)
		}
	}
	if s := c.Stats(); s.Files != before.Files || s.Bytes != before.Bytes || s.Wrong != 1 {
		t.Errorf("before: %+v, after: %+v", before, s)
	}
}

// The file that was used longest ago goes, also after a restart.
func TestEviction(t *testing.T) {
	dir := t.TempDir()
	const size = 100_000
	c := open(t, dir, 3*102_400)
	sources := make([]*giving, 5)
	for i := range sources {
		sources[i] = &giving{data: content(i, size)}
	}
	use := func(i int) {
		t.Helper()
		if _, err := read(c, fileOf(sources[i].data), sources[i].open); err != nil {
			t.Fatal(err)
		}
		if n := onDisk(t, dir); n > 3*102_400 {
			t.Fatalf("%d bytes on the disk", n)
		}
	}
	for _, i := range []int{0, 1, 2, 0, 3} { // 1 goes
		use(i)
	}
	use(0)
	use(1) // 2 goes
	for i, want := range []int64{1, 2, 1, 1} {
		if got := sources[i].asks.Load(); got != want {
			t.Errorf("file %d was fetched %d times, want %d", i, got, want)
		}
	}
	if s := c.Stats(); s.Evicted != 2 || s.Files != 3 {
		t.Errorf("%+v", s)
	}
	c.Close()
	c = open(t, dir, 102_400) // a smaller bound
	if s := c.Stats(); s.Files != 1 || onDisk(t, dir) > 102_400 {
		t.Errorf("%+v", s)
	}
}

// What cannot be had removes nothing.
func TestSourceAway(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 2*102_400)
	for i := range 2 {
		source := giving{data: content(i, 100_000)}
		if _, err := read(c, fileOf(source.data), source.open); err != nil {
			t.Fatal(err)
		}
	}
	away := errors.New("away")
	for i := range 10 {
		source := giving{err: away}
		if _, err := read(c, fileOf(content(i+2, 100_000)), source.open); !errors.Is(err, away) {
			t.Error(err)
		}
	}
	if s := c.Stats(); s.Files != 2 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
}

// liar gives other bytes, fewer or more.
func liars(data []byte) map[string][]byte {
	wrong := bytes.Clone(data)
	wrong[len(wrong)/2] ^= 1
	return map[string][]byte{"wrong": wrong, "short": data[:len(data)-1], "long": append(bytes.Clone(data), 0), "empty": nil}
}

// No reader gets all that it wants of a file that is wrong, be it a part; and it does not stay.
func TestWrongSource(t *testing.T) {
	for _, bound := range []int64{64 << 20, 4096} { // with and without the folder
		dir := t.TempDir()
		c := open(t, dir, bound)
		for _, size := range []int{5000, 200_000, filecache.Whole + 5, 3 << 20} {
			data := content(size, size)
			for what, given := range liars(data) {
				for _, part := range [][2]int64{{0, int64(size)}, {0, 1}, {0, 100}, {int64(size) / 2, int64(size)/2 + 100}, {int64(size) - 1, int64(size)}} {
					name := fmt.Sprintf("bound %d, %d bytes, %s, %v", bound, size, what, part)
					source := &giving{data: given}
					r, err := c.Open(t.Context(), time.Minute, fileOf(data), source.open)
					if err == nil {
						var got []byte
						got, err = rest(r, part[0], part[1])
						if int64(len(got)) == part[1]-part[0] {
							t.Errorf("%s: all was given", name)
						}
						r.Close()
					}
					if !errors.Is(err, artifact.ErrVerify) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			right := &giving{data: data}
			if got, err := read(c, fileOf(data), right.open); err != nil || !bytes.Equal(got, data) {
				t.Errorf("bound %d, %d bytes: the right source: %v", bound, size, err)
			}
		}
		if n := onDisk(t, dir); n > bound {
			t.Errorf("%d bytes on the disk, more than %d", n, bound)
		}
	}
}

// steps is a source that gives a step when it is told to.
type steps struct {
	next chan []byte
	left []byte
	ctx  context.Context
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		select {
		case step, more := <-s.next:
			if !more {
				return 0, io.EOF
			}
			s.left = step
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

func (s *steps) Close() error { return nil }

// Readers share one fetch and read what has arrived; one that leaves ends nothing; the last byte waits for the digest.
func TestReadersShareAFetch(t *testing.T) {
	c := open(t, t.TempDir(), 64<<20)
	data := content(1, 3<<20)
	next, asks := make(chan []byte), 0
	source := func(ctx context.Context, _ bool) (io.ReadCloser, error) {
		asks++
		return &steps{next: next, ctx: ctx}, nil
	}
	go func() { next <- data[:1<<20] }()
	gone, leave := context.WithCancel(t.Context())
	first, err := c.Open(gone, time.Minute, fileOf(data), source)
	if err != nil {
		t.Fatal(err)
	}
	late, err := c.Open(t.Context(), time.Minute, fileOf(data), source)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	for _, r := range []*filecache.Reader{first, late} {
		part := make([]byte, 1000)
		if n, err := r.ReadSome(part, 500); err != nil || n != 999 || !bytes.Equal(part[:n], data[500:500+n]) {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	ended := make(chan error)
	go func() {
		_, err := first.ReadSome(make([]byte, 1), 0) // it waits for the digest
		ended <- err
	}()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that left: %v", err)
	}
	first.Close()
	go func() {
		next <- data[1<<20:]
		close(next)
	}()
	if got, err := rest(late, 0, int64(len(data))); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if asks != 1 {
		t.Errorf("%d fetches", asks)
	}
}

// A reader does not wait for ever for a source that gives nothing; the fetch goes on.
func TestPatience(t *testing.T) {
	c := open(t, t.TempDir(), 64<<20)
	data := content(1, 1000)
	next := make(chan []byte)
	source := func(ctx context.Context, _ bool) (io.ReadCloser, error) { return &steps{next: next, ctx: ctx}, nil }
	if _, err := c.Open(t.Context(), time.Nanosecond, fileOf(data), source); !errors.Is(err, filecache.ErrPatience) {
		t.Error(err)
	}
	go func() {
		next <- data
		close(next)
	}()
	if got, err := read(c, fileOf(data), source); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// The fetch of a large file stops when its last reader is gone, and the next reader starts a new one.
func TestAbandoned(t *testing.T) {
	c := open(t, t.TempDir(), 1<<30)
	f := filecache.File{SHA256: strings.Repeat("0", 64), Size: 200 << 20}
	ended := make(chan struct{}, 2)
	source := func(ctx context.Context, _ bool) (io.ReadCloser, error) {
		next := make(chan []byte, 1)
		next <- make([]byte, 4096)
		context.AfterFunc(ctx, func() { ended <- struct{}{} })
		return &steps{next: next, ctx: ctx}, nil
	}
	for range 2 {
		r, err := c.Open(t.Context(), time.Minute, f, source)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		<-ended
	}
	if s := c.Stats(); s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
}

// Many readers of more than fits, for parts and all, with sources that fail now and then.
func TestManyWhileEvicting(t *testing.T) {
	dir := t.TempDir()
	const files, bound = 40, 4 << 20
	c := open(t, dir, bound)
	all := make([][]byte, files)
	for i := range all {
		all[i] = content(i, 1000+i*40_000) // the largest has 1.5 MB
	}
	fault := errors.New("fault")
	var readers sync.WaitGroup
	for n := range 24 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for range 30 {
				data := all[random.IntN(files)]
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(8) == 0 {
					cancel()
				}
				source := &giving{data: data}
				if random.IntN(8) == 0 {
					source.err = fault
				}
				r, err := c.Open(ctx, time.Minute, fileOf(data), source.open)
				if err == nil {
					from := random.Int64N(int64(len(data)))
					to := from + 1 + random.Int64N(int64(len(data))-from)
					var got []byte
					if got, err = rest(r, from, to); err == nil && !bytes.Equal(got, data[from:to]) {
						t.Errorf("%d bytes from %d are wrong", len(got), from)
					}
					r.Close()
				}
				if err != nil && !errors.Is(err, fault) && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	readers.Wait()
	c.Close()
	if s := c.Stats(); s.Bytes > bound || onDisk(t, dir) > bound || s.Evicted == 0 {
		t.Errorf("%+v, %d bytes on the disk", s, onDisk(t, dir))
	}
}

// A folder that fails is no reason to fail.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, 64<<20)
	for _, folder := range []string{"files", "part"} {
		if err := os.Remove(filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{0, 10, 300_000, 3 << 20} {
		source := &giving{data: content(size, size)}
		if got, err := read(c, fileOf(source.data), source.open); err != nil || !bytes.Equal(got, source.data) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	if s := c.Stats(); s.Passed != 4 || s.Files != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, 1)
	refused := func(dir, want string) {
		t.Helper()
		c, err := filecache.Open(filecache.Options{Dir: dir, Size: 1})
		var hint *artifact.HintError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &hint) {
			t.Errorf("%s: %v", dir, err)
		}
		if err == nil {
			c.Close()
		}
	}
	refused(dir, "in use by another process")
	file := filepath.Join(dir, "lock")
	refused(filepath.Join(file, "x"), "not a directory")
}

func TestClosed(t *testing.T) {
	c := open(t, t.TempDir(), 1<<20)
	source := &giving{data: content(1, 1000)}
	r, err := c.Open(t.Context(), time.Minute, fileOf(source.data), source.open)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got, err := rest(r, 0, 1000); err != nil || len(got) != 1000 {
		t.Errorf("a reader that was open: %d bytes, %v", len(got), err)
	}
	if err := errors.Join(r.Close()); err != nil {
		t.Error(err)
	}
	if err := r.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if _, err := read(c, fileOf(source.data), source.open); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}
