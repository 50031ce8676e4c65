package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// local pins what lies in a folder of this site, or is one file.
func (r *resolver) local(s *source) error {
	dir := s.address
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.dir, dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return artifact.Hint(s.errorf("path: %w", err), "name a folder or a file, relative to the definition's folder")
	}
	base := filepath.ToSlash(s.address)
	if !info.IsDir() { // the folder is what it lies in
		name := filepath.Base(dir)
		s := *s
		s.take = nil
		return r.localFiles(&s, filepath.Dir(dir), path.Dir(base), []string{name})
	}
	names, err := localNames(dir)
	if err != nil {
		return s.failed(err)
	}
	return r.localFiles(s, dir, base, names)
}

// localNames are the files below a folder. A link counts for the file that it leads to, which must be below the
// folder, too.
func localNames(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

func (r *resolver) localFiles(s *source, dir, base string, names []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return s.failed(err)
	}
	defer root.Close()
	taken := names
	if s.take != nil {
		taken = nil
		for _, p := range s.take {
			n := len(taken)
			found := false
			for _, name := range names {
				if p.Match(name) {
					found = true
					if !slices.Contains(taken[:n], name) {
						taken = append(taken, name)
					}
				}
			}
			if !found {
				return artifact.Hint(p.section.Errorf("source %s: take: %s has no file that matches %q", s.name, s.address, p.text), "it has: %s", near(p.text, names))
			}
		}
	}
	if len(taken) == 0 {
		return s.errorf("path: %s has no files", s.address)
	}
	for _, name := range taken {
		if !carriable(name) {
			return s.failed(fmt.Errorf("%s: %q cannot be the name of a file of the mirror: rename it, or leave it out with take", s.address, name))
		}
		content, err := digest(root, filepath.FromSlash(name))
		if err != nil {
			return artifact.Hint(s.failed(fmt.Errorf("%s: %w", s.address, err)), "leave it out with take, or replace a link by what it leads to")
		}
		r.pin(s, wanted{path: name, urls: []string{relativeURL(path.Join(base, name))}, content: content}, content)
	}
	pinned := *s
	pinned.address = relativeURL(base)
	r.pinSource(&pinned, nil)
	return nil
}

// relativeURL is an address without a scheme: RFC 3986, section 4.2.
func relativeURL(file string) string { return (&url.URL{Path: file}).String() }

// digest reads a file below root.
func digest(root *os.Root, name string) (c artifact.Content, err error) {
	f, err := artifact.OpenRegular(func(flag int) (*os.File, error) { return root.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err != nil {
		return c, err
	}
	defer f.Close()
	h := c.Hasher()
	if _, err := io.Copy(h, f); err != nil {
		return c, err
	}
	return h.Sum(), nil
}

func contentOf(data []byte) artifact.Content {
	sum := sha256.Sum256(data)
	return artifact.Content{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// bytesAreSigned reports whether a file is a text with its OpenPGP signature around it.
func bytesAreSigned(data []byte) bool {
	return strings.HasPrefix(string(data[:min(len(data), 64)]), "-----BEGIN PGP SIGNED MESSAGE-----")
}
