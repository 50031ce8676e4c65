package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/signed"
)

// A Watcher imports the bundles that arrive in a folder: in the folder itself, and in each folder in it. Nothing there is ever changed. It looks
// again and again, because network file systems do not tell about changes that other machines make.
type Watcher struct {
	Folder   string
	Interval time.Duration // between two looks
	// Quiet is after how many looks without a change in a bundle's folder its missing parts are restored from parity, rather than waited for.
	Quiet int
	// New makes the importer of a bundle.
	New  func() *Importer
	Keys []signed.Key
	// Done is called when a bundle is imported, or is given up until more arrives: then err says why.
	Done func(folder string, done *Imported, err error)
	// Say is called with what happens, a line without its end.
	Say func(text string)

	folders map[string]*watched
}

// watched is what is known of a folder with a bundle.
type watched struct {
	files map[string]fileState // at the last look
	tried map[string]fileState // the files that were complete when it was last tried
	quiet int                  // looks without a change
	done  string               // the digest of the header whose bundle is complete
	said  map[string]bool
}

type fileState struct {
	size    int64
	changed time.Time
}

// Watch watches until the context ends.
func (w *Watcher) Watch(ctx context.Context) error {
	w.folders = map[string]*watched{}
	if _, err := os.Stat(w.Folder); err != nil {
		return err
	}
	tick := time.NewTicker(w.Interval)
	defer tick.Stop()
	for {
		for _, folder := range w.list() {
			if err := w.look(ctx, folder); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				w.say(folder, err.Error())
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// list is the folder and the folders in it. One that cannot be read now may be readable at the next look.
func (w *Watcher) list() []string {
	all := []string{w.Folder}
	entries, err := os.ReadDir(w.Folder)
	if err != nil {
		w.say(w.Folder, err.Error())
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && e.Name() != CopyFolder && e.Name() != "blobs" {
			all = append(all, filepath.Join(w.Folder, e.Name()))
		}
	}
	return all
}

// say says something about a folder, once until the folder's next bundle.
func (w *Watcher) say(folder, text string) {
	f := w.folder(folder)
	if !f.said[text] {
		f.said[text] = true
		w.Say(folder + ": " + text)
	}
}

func (w *Watcher) folder(folder string) *watched {
	if w.folders[folder] == nil {
		w.folders[folder] = &watched{said: map[string]bool{}}
	}
	return w.folders[folder]
}

// look imports what is complete in a folder: files that are as they were at the last look.
func (w *Watcher) look(ctx context.Context, folder string) error {
	f := w.folder(folder)
	now, err := states(folder)
	if err != nil {
		return err
	}
	complete := map[string]fileState{}
	for name, state := range now {
		if f.files[name] == state {
			complete[name] = state
		}
	}
	f.quiet++
	if !maps.Equal(f.files, now) {
		f.quiet = 0
	}
	f.files = now
	repair := f.quiet == w.Quiet
	if maps.Equal(complete, f.tried) && !repair {
		return nil
	}
	open, err := medium.OpenFolder(folder)
	if err != nil {
		return err
	}
	defer open.Close()
	m := &settled{Medium: open, complete: complete}
	data, err := readSmall(ctx, m, HeaderName, maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = readSmall(ctx, m, path.Join(CopyFolder, HeaderName), maxHeader) // the header may be lost
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not yet
	}
	if err != nil {
		return err
	}
	if f.done == sumOf(data) {
		return nil
	}
	header, _, err := ReadFrom(ctx, m, w.Keys)
	if err != nil {
		if repair { // the signature may come later
			w.say(folder, firstLine(err))
		}
		return nil
	}
	for _, p := range header.Parts {
		if complete[p.Name].size != p.Size {
			delete(complete, p.Name) // half of it
		}
	}
	if maps.Equal(complete, f.tried) && !repair {
		return nil
	}
	f.tried = complete
	return w.try(ctx, folder, m, sumOf(data), repair)
}

// try imports what there is.
func (w *Watcher) try(ctx context.Context, folder string, m medium.Medium, header string, repair bool) error {
	f := w.folder(folder)
	im := w.New()
	im.NoRepair = !repair
	done, err := im.Import(ctx, []medium.Medium{m})
	missing := 0
	if done != nil {
		for _, p := range done.Parts {
			switch p.Status {
			case Verified, Repaired:
				w.Say(fmt.Sprintf("%s: %s: %s", folder, p.Name, p.Status))
			case Bad:
				w.say(folder, fmt.Sprintf("%s: %s", p.Name, firstLine(p.Err)))
				missing++
			case Missing:
				missing++
			}
		}
	}
	switch {
	case err == nil:
		f.done, f.said = header, map[string]bool{}
		w.Done(folder, done, nil)
		return nil
	case missing == 0 || repair && !errors.Is(err, context.Canceled):
		f.tried = nil // once more, at the next look after a change
		if missing == 0 && !errors.Is(err, artifact.ErrVerify) {
			return err // of this machine: it may pass
		}
		f.tried = m.(*settled).complete
		w.say(folder, err.Error())
		w.Done(folder, done, err)
	default:
		w.say(folder, fmt.Sprintf("waiting for %d of %d parts", missing, len(done.Parts)))
	}
	return nil
}

// states are the files of a folder.
func states(folder string) (map[string]fileState, error) {
	all := map[string]fileState{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		name = filepath.ToSlash(name)
		if e.IsDir() {
			if name != "." && name != CopyFolder && name != "blobs" && !strings.HasPrefix(name, "blobs/") {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all[name] = fileState{info.Size(), info.ModTime()}
		}
		return nil
	})
	return all, err
}

// settled is a medium of which only some files are complete.
type settled struct {
	medium.Medium
	complete map[string]fileState
}

func (s *settled) absent(name string) error {
	if _, found := s.complete[name]; found {
		return nil
	}
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Open implements Medium.
func (s *settled) Open(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	if err := s.absent(name); err != nil {
		return nil, err
	}
	return s.Medium.Open(ctx, name, offset)
}

// OpenAt implements medium.Anywhere.
func (s *settled) OpenAt(name string, size int64) (medium.ReadAtCloser, error) {
	if err := s.absent(name); err != nil {
		return nil, err
	}
	return s.Medium.(medium.Anywhere).OpenAt(name, size)
}

// CreateAt implements medium.Anywhere: nothing is ever written.
func (*settled) CreateAt([]medium.File) (*medium.Files, error) { return nil, fs.ErrPermission }
