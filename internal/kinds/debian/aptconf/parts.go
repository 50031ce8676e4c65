package aptconf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ReadsFile reports whether apt reads a file with that name in one of its folders (sources.list.d, auth.conf.d, …): the name has
// one of the extensions ("": none), and consists of letters, digits, "_", "-", ":" and ".". This is the rule of
// GetListOfFilesInDir in apt-pkg.
func ReadsFile(name string, extensions ...string) bool {
	extension := ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		extension = name[dot+1:]
	}
	bad := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-:.", r))
	}
	return name[0] != '.' && !strings.HasSuffix(name, ".") && slices.Contains(extensions, extension) && !strings.ContainsFunc(name, bad)
}

// partsOf lists the files that apt reads in one of its folders, in its order.
func partsOf(dir string, extensions ...string) (files []string, err error) {
	return filesOf(dir, func(name string) bool { return ReadsFile(name, extensions...) })
}

// trustedPartsOf lists the files of trusted.gpg.d that apt reads. Before version 2.9 these
// are all files with one of the two extensions, whatever other characters their names have: apt-key(8).
func trustedPartsOf(dir string) (files []string, err error) {
	return filesOf(dir, func(name string) bool {
		return strings.HasSuffix(name, ".gpg") || strings.HasSuffix(name, ".asc")
	})
}

// filesOf lists the regular files of a folder, and links to some, whose names are wanted, in byte order.
func filesOf(dir string, wanted func(name string) bool) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if !wanted(e.Name()) {
			continue
		}
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, file)
	}
	return files, nil
}
