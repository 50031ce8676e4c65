package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/parallel"
)

// checkNotes say that the files of an item fit together, by what that follows from. What checks them differently gets another number.
const checkNotes = "files-fit-1"

// checkFiles has the kinds check what upstream's digests do not cover: whether the files of each item fit together. What was checked is noted in the
// cache.
func (b *Builder) checkFiles(ctx context.Context, lock *lockfile.Lock) error {
	able := make(map[string]artifact.FileChecker)
	for _, kind := range b.Kinds {
		if checker, is := artifact.Able[artifact.FileChecker](kind); is {
			able[kind.Name()] = checker
		}
	}
	var items []*artifact.Item
	for i := range lock.Items {
		item := &lock.Items[i]
		if checker := able[item.Kind]; checker != nil && checker.ChecksFiles(item) && b.Cache.Note(checkNotes, checkKey(item)) == nil {
			items = append(items, item)
		}
	}
	return parallel.Each(len(items), runtime.GOMAXPROCS(0), func(at int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		item := items[at]
		open := func(f *artifact.File) (artifact.ReadSeekerAt, error) { return b.Cache.Open(f.Content()) }
		if err := able[item.Kind].CheckFiles(item, open); err != nil {
			return fmt.Errorf("%s: %w", item.ID(), err)
		}
		_ = b.Cache.SetNote(checkNotes, checkKey(item), []byte("yes")) // else the next build checks again
		return nil
	})
}

// checkKey is the SHA-256 of all that a check follows from.
func checkKey(item *artifact.Item) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", item.Kind, item.Name, item.Version)
	for f := range item.Files {
		fmt.Fprintf(h, "%q %s\n", item.Files[f].Path, item.Files[f].SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}
