package glob

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files returns the names of the files that a pattern of paths means, as ParsePath reads it, sorted. A relative pattern is relative
// to dir, and so are the names. Folders are not among them; a link is, whatever it leads to, and no pattern looks below a link to a folder. A
// pattern without wildcards is the name of a file, which need not exist.
func Files(dir, pattern string) (names []string, err error) {
	p, err := ParsePath(pattern)
	if err != nil {
		return nil, err
	}
	if name, exact := p.Exact(); exact {
		return []string{name}, nil
	}
	// The elements before the first wildcard are the folder to search.
	elements := strings.Split(pattern, "/")
	var fixed []string
	for _, e := range elements {
		text, exact := exactElement(e)
		if !exact {
			break
		}
		fixed = append(fixed, text)
	}
	rest := strings.Join(elements[len(fixed):], "/")
	below, err := ParsePath(rest)
	if err != nil {
		return nil, err
	}
	base := strings.Join(fixed, "/")
	if len(fixed) == 1 && fixed[0] == "" {
		base = "/"
	}
	folder := filepath.FromSlash(base)
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	deepest := strings.Count(rest, "/")
	if strings.Contains(rest, "**") {
		deepest = -1
	}
	err = filepath.WalkDir(folder, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, file)
		if err != nil || relative == "." {
			return err
		}
		relative = filepath.ToSlash(relative)
		switch {
		case e.IsDir() && deepest >= 0 && strings.Count(relative, "/") >= deepest:
			return fs.SkipDir
		case !e.IsDir() && below.Match(relative) && !linkToFolder(file, e):
			names = append(names, path.Join(base, relative))
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// exactElement returns the text of an element of a pattern, if it has no wildcard.
func exactElement(element string) (text string, exact bool) {
	if element == "" {
		return "", true
	}
	p, err := ParsePath(element)
	if err != nil {
		return "", false
	}
	return p.Exact()
}

func linkToFolder(file string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(file)
	return err == nil && info.IsDir()
}
