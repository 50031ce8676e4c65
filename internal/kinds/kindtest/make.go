package kindtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/jsonschema/jsonschematest"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/internal/transfer"
)

// A suite is a fixture at work.
type suite struct {
	Fixture
	upstream, beside string // addresses of the kind's upstream, and of the neighbour's
	cache            *cache.Cache
	fetch            *fetch.Client
	key              *signing.Key
	program          string // a file
}

// A mirror is what has become of a definition.
type mirror struct {
	*suite
	definition *builder.Definition
	lock       *lockfile.Lock
	reference  image.Reference
	image      *image.Image
}

// prepare makes what all mirrors of the suite share.
func (s *suite) prepare(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var err error
	s.key, _, err = signing.Own(time.Now())
	must(t, err)
	s.cache, err = cache.Open(t.TempDir())
	must(t, err)
	s.fetch, err = fetch.New(s.cache, slog.New(slog.DiscardHandler), "kindtest", transfer.Options{})
	must(t, err)
	s.program = filepath.Join(t.TempDir(), "minimirror")
	must(t, os.WriteFile(s.program, EmptyProgram(t), 0o755))
}

// EmptyProgram is a static program of no instructions: the header of an ELF file, and no more.
func EmptyProgram(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00") // 64 bits, little-endian, version 1
	must(t, binary.Write(&b, binary.LittleEndian, struct {
		Type, Machine                                            uint16
		Version                                                  uint32
		Entry, ProgramOffset, SectionOffset                      uint64
		Flags                                                    uint32
		Size, ProgramSize, Programs, SectionSize, Sections, Name uint16
	}{Type: 2, Machine: 62, Version: 1, Size: 64, ProgramSize: 56, SectionSize: 64}))
	return b.Bytes()
}

// write writes a definition into a new folder.
func (s *suite) write(t testing.TB, parts ...func(t testing.TB, dir string) string) (dir string) {
	t.Helper()
	dir, text := t.TempDir(), "name: suite\n"
	for _, part := range parts {
		text += part(t, dir)
	}
	must(t, os.WriteFile(filepath.Join(dir, builder.DefinitionFile), []byte(text), 0o644))
	return dir
}

// define writes a definition and reads it. It is what the kinds' schemas describe.
func (s *suite) define(t testing.TB, parts ...func(t testing.TB, dir string) string) *builder.Definition {
	t.Helper()
	dir := s.write(t, parts...)
	d, err := builder.ReadDefinition(dir, s.Program)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(dir, builder.DefinitionFile))
	must(t, err)
	must(t, jsonschematest.Compile(t, builder.SchemaDocument(s.Program))(text))
	return d
}

// own is one of the fixture's own parts.
func (s *suite) own(part func(t testing.TB, dir, upstream string) string) func(testing.TB, string) string {
	return func(t testing.TB, dir string) string { return part(t, dir, s.upstream) }
}

// now is when suites are run.
var now = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

func (s *suite) resolve(ctx context.Context, d *builder.Definition) (*builder.Locked, error) {
	locker := &builder.Locker{Kinds: s.Program, Upstream: s.fetch, Now: now, Log: slog.New(slog.DiscardHandler)}
	return locker.Lock(ctx, d, builder.LockOptions{})
}

func (s *suite) build(ctx context.Context, d *builder.Definition, dir string) (image.Reference, error) {
	ref := image.Reference{Transport: image.OCI, Path: filepath.Join(dir, "image")}
	b := &builder.Builder{Kinds: s.Program, Cache: s.cache, Fetch: s.fetch, Program: s.program, Progress: new(progress.Reporter),
		Keys: func() (signing.Keys, error) { return signing.Keys{s.key}, nil }, Log: slog.New(slog.DiscardHandler)}
	_, err := b.Build(ctx, d, ref)
	return ref, err
}

// made locks and builds a definition, and opens the image.
func (s *suite) made(t *testing.T, part func(t testing.TB, dir, upstream string) string, more ...func(testing.TB, string) string) *mirror {
	t.Helper()
	d := s.define(t, append([]func(testing.TB, string) string{s.own(part)}, more...)...)
	locked, err := s.resolve(t.Context(), d)
	must(t, err)
	ref, err := s.build(t.Context(), d, t.TempDir())
	must(t, err)
	img, err := image.Open(ref)
	must(t, err)
	t.Cleanup(func() { img.Close() })
	return &mirror{s, d, locked.Lock, ref, img}
}

// items are those of the kind.
func (m *mirror) items() (items []*artifact.Item) {
	for i := range m.lock.Items {
		if item := &m.lock.Items[i]; item.Kind == m.Kind.Name() {
			items = append(items, item)
		}
	}
	return items
}

// item is the one that the fixture names.
func (m *mirror) item(t testing.TB) *artifact.Item {
	t.Helper()
	items := m.items()
	at := slices.IndexFunc(items, func(i *artifact.Item) bool { return i.Name == m.Item })
	if at < 0 {
		t.Fatalf("the lock does not have %s", m.Item)
	}
	return items[at]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
