package builder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/progress"
)

// A licensed kind reads a file's licences from its text: "= NAME", "! an error", or an expression that has one licence of its own.
type licensed struct {
	artifact.Kind
	reads *atomic.Int64
}

func (licensed) Name() string                                           { return "plain" }
func (licensed) StatesLicences(_ *artifact.Item, f *artifact.File) bool { return f.Path != "other" }

func (k licensed) ReadLicences(content io.Reader) (l artifact.Licences, err error) {
	k.reads.Add(1)
	data, err := io.ReadAll(content)
	text := string(data)
	switch {
	case strings.HasPrefix(text, "= "):
		l.SameAs = text[2:]
	case strings.HasPrefix(text, "! "):
		err = errors.New(text[2:])
	default:
		l.Expression, l.Refs = text, []artifact.LicenceRef{{ID: "LicenseRef-own", Name: "own", Text: "Own it."}}
	}
	return l, err
}

func TestLicences(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock := &lockfile.Lock{}
	add := func(name, version, text string) string {
		sum := sha256.Sum256([]byte(text))
		content := artifact.Content{Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
		if err := os.WriteFile(filepath.Join(dir, "sha256", content.SHA256), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		lock.Items = append(lock.Items, artifact.Item{Kind: "plain", Source: "s", Name: name, Version: version, Key: name + version,
			Files: []artifact.File{{Path: "other"}, {Path: name + version, Size: content.Size, SHA256: content.SHA256}}})
		return content.SHA256
	}
	add("a", "1", "MIT")
	damaged := add("a", "2", "ISC AND LicenseRef-own")
	add("b", "2", "= a")
	add("c", "3", "= none")
	add("d", "1", "! damaged inside")
	reads := new(atomic.Int64)
	var log bytes.Buffer
	b := &Builder{Kinds: []artifact.Kind{licensed{reads: reads}}, Cache: store, Progress: progress.To(os.Stderr), Log: slog.New(slog.NewTextHandler(&log, nil))}
	first, err := b.licences(t.Context(), lock)
	if err != nil || !strings.Contains(log.String(), "damaged inside") {
		t.Fatalf("%v, %s", err, log.String())
	}
	frame, err := zstd.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	defer frame.Close()
	text, err := io.ReadAll(frame)
	want := `{"id":"LicenseRef-own","name":"own","text":"Own it."}
{"item":"s/a1","expression":"MIT"}
{"item":"s/a2","expression":"ISC AND LicenseRef-own"}
{"item":"s/b2","expression":"ISC AND LicenseRef-own"}
`
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	second, err := b.licences(t.Context(), lock)
	if err != nil || !reflect.DeepEqual(first, second) || reads.Load() != 5 {
		t.Errorf("%v, %d files were read", err, reads.Load())
	}
	// The whole file is noted, too; if that note is damaged, what the files' notes say is put together again.
	whole, err := filepath.Glob(filepath.Join(dir, "note", allLicenceNotes, "*"))
	if err != nil || len(whole) != 1 {
		t.Fatalf("%v, %v", whole, err)
	}
	if err := os.WriteFile(whole[0], append(make([]byte, sha256.Size), "strange"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if third, err := b.licences(t.Context(), lock); err != nil || !reflect.DeepEqual(first, third) || reads.Load() != 5 {
		t.Errorf("%v, %d files were read", err, reads.Load())
	}
	changed := *lock
	changed.Items = lock.Items[:2]
	if fourth, err := b.licences(t.Context(), &changed); err != nil || reflect.DeepEqual(first, fourth) {
		t.Errorf("%v: the licences of other items", err)
	}
	// A damaged file of the cache says nothing, and is removed.
	if err := os.WriteFile(filepath.Join(dir, "sha256", damaged), []byte("MIT AND LicenseRef-own"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "note")); err != nil {
		t.Fatal(err)
	}
	if _, err = b.licences(t.Context(), lock); !errors.Is(err, artifact.ErrVerify) || store.Note(licenceNotes, damaged) != nil {
		t.Errorf("%v, %s", err, store.Note(licenceNotes, damaged))
	}
	if _, err := os.Stat(filepath.Join(dir, "sha256", damaged)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file is still there: %v", err)
	}
}
