package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/cache"
)

// local returns the file name for an address without a scheme, which is a path relative to the
// definition's folder, and the address's fragment: it names a part of the file (artifact.Part).
func local(address, dir string) (file, fragment string, is bool) {
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") { // as nearly all of tens of thousands
		return "", "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" {
		return "", "", false
	}
	if file = filepath.FromSlash(u.Path); !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	return file, u.Fragment, true
}

// resolved are addresses for fetch.
func resolved(addresses []string, dir string) []string {
	all := make([]string, len(addresses))
	for i, address := range addresses {
		all[i] = address
		if file, fragment, is := local(address, dir); is {
			if absolute, err := filepath.Abs(file); err == nil {
				all[i] = (&url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), Fragment: fragment}).String()
			}
		}
	}
	return all
}

// checkLocal reads local files again. A file that has changed since it was locked is artifact.ErrStale, even if the cache has
// the locked version: the user expects the new one in the image. A deleted file may come from the cache.
func checkLocal(ctx context.Context, files []*lockedFile, d *Definition, c *cache.Cache) error {
	for _, f := range files {
		for _, address := range f.URLs {
			file, fragment, is := local(address, filepath.Dir(d.File))
			if !is {
				continue
			}
			err := checkFile(ctx, file, fragment, f.Content())
			switch {
			case errors.Is(err, artifact.ErrVerify):
				return artifact.Hint(fmt.Errorf("%s: %w: %s has changed since: %w", f.title(), artifact.ErrStale, file, err), "run: minimirror lock %s", d.File)
			case errors.Is(err, fs.ErrNotExist) && c.Has(f.Content()):
			case err != nil:
				return artifact.Hint(fmt.Errorf("%s: %w", f.title(), err), "put the file back, or run: minimirror lock %s", d.File)
			}
		}
	}
	return nil
}

func checkFile(ctx context.Context, file, fragment string, want artifact.Content) error {
	f, err := artifact.OpenPart(file, fragment)
	if err != nil {
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	h := want.Hasher()
	if _, err := io.Copy(h, f); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return want.Verify(h.Sum())
}
