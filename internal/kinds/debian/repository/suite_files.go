package repository

import (
	"fmt"
	"path"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// suiteFiles are generated files of one suite.
type suiteFiles struct {
	folder string    // of the suite, below the mirror's root
	date   time.Time // that they carry
	files  []artifact.Generated
}

func newSuiteFiles(source, suite string, date time.Time) suiteFiles {
	return suiteFiles{folder: path.Join(source, deb822.Dists(suite)), date: date}
}

func (s *suiteFiles) path(name string) string { return path.Join(s.folder, name) }

func (s *suiteFiles) add(name string, data []byte) {
	s.files = append(s.files, artifact.Generated{Path: s.path(name), Data: data, Modified: s.date})
}

// addByHash adds the name under which apt looks for the file name first: repository format,
// "indices acquisition via hashsums".
func (s *suiteFiles) addByHash(name, sha256 string) {
	s.files = append(s.files, artifact.Generated{
		Path: s.path(path.Join(path.Dir(name), "by-hash/SHA256", sha256)), Link: s.path(name), Modified: s.date})
}

// addSigned adds a Release, its detached signature and InRelease.
func (s *suiteFiles) addSigned(release []byte, signer artifact.Signer) error {
	detached, err := signer.DetachSign(release)
	if err != nil {
		return err
	}
	inline, err := signer.ClearSign(release)
	if err != nil {
		return err
	}
	s.add("Release", release)
	s.add("Release.gpg", detached)
	s.add("InRelease", inline)
	return nil
}

// listLine is a line of a Release's SHA256 field.
func listLine(name string, c artifact.Content) string {
	return fmt.Sprintf(" %s %d %s\n", c.SHA256, c.Size, name)
}
