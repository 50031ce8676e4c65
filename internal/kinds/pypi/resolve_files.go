package pypi

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/requirements"
	"github.com/minimirror/minimirror/internal/kinds/pypi/resolver"
)

// hashes are the SHA-256 of the files of projects that may be carried. Projects without an entry are not restricted, unless all must have one.
type hashes struct {
	of     map[string]map[string]bool
	needed string // the file that has digests, and so must have them of every project; empty: none
}

// allow lets a project's file be carried.
func (h *hashes) allow(project string, all []requirements.Hash, where string) error {
	if h.of[project] == nil {
		h.of[project] = make(map[string]bool)
	}
	for _, hash := range all {
		if hash.Algorithm == "sha256" {
			h.of[project][hash.Hex] = true
		}
	}
	if len(h.of[project]) == 0 {
		return artifact.Hint(fmt.Errorf("%s: %s has no SHA-256, by which indexes name files", where, project), "write the file again with sha256 digests")
	}
	return nil
}

// permits reports whether a file may be carried.
func (h *hashes) permits(project, sha256 string) bool {
	of, restricted := h.of[project]
	return of[sha256] || !restricted && h.needed == ""
}

// readFile reads a file of the definition's folder.
func (s *source) readFile(name string) ([]byte, error) {
	return artifact.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
}

// fileRoots are the requirements of the files that the definition names, for a target.
func (r *sourceResolver) fileRoots(t *target) (roots []root, err error) {
	for _, f := range r.files {
		var more []root
		switch base := path.Base(f.name); {
		case base == "uv.lock":
			more, err = r.lockRoots(f, t, requirements.ReadUV)
		case strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml"):
			more, err = r.lockRoots(f, t, requirements.ReadPylock)
		default:
			more, err = r.listRoots(f)
		}
		if err != nil {
			return nil, f.section.Errorf("%w", err)
		}
		roots = append(roots, more...)
	}
	return roots, nil
}

// listRoots reads a file of requirements.
func (r *sourceResolver) listRoots(f namedFile) (roots []root, err error) {
	list, err := requirements.Read(f.name, r.readFile)
	if err != nil {
		return nil, err
	}
	for _, l := range list.Requirements {
		if len(l.Hashes) > 0 {
			if err := r.hashes.allow(l.Project(), l.Hashes, l.Where); err != nil {
				return nil, err
			}
		}
		roots = append(roots, root{l.Requirement, byFile + f.name, l.Where})
	}
	if list.HashesNeeded {
		r.hashes.needed = f.name
	}
	r.pre = r.pre || list.Pre
	r.limit(list.Constraints)
	return roots, nil
}

// lockRoots reads a lock file: each of its versions is required, of the files that it names.
func (r *sourceResolver) lockRoots(f namedFile, t *target, read func(string, []byte, requirements.Selection) ([]requirements.Pin, error)) (roots []root, err error) {
	data, err := r.readFile(f.name)
	if err != nil {
		return nil, err
	}
	pins, err := read(f.name, data, requirements.Selection{Environment: t.Environment()})
	if err != nil {
		return nil, err
	}
	for _, pin := range pins {
		if index := r.indexOf(pin.Project); pin.Index != "" && strings.TrimRight(pin.Index, "/")+"/" != index {
			return nil, artifact.Hint(fmt.Errorf("%s: it comes from the index %s, and the definition takes %s from %s", pin.Where, artifact.Redacted(pin.Index), pin.Project, index),
				"write from: [ { index: %s, names: %s } ]", artifact.Redacted(pin.Index), pin.Project)
		}
		for _, file := range pin.Files {
			if err := r.hashes.allow(pin.Project, file.Hashes, pin.Where); err != nil {
				return nil, err
			}
		}
		q, err := pep508.ParseRequirement(pin.Project + "===" + pin.Version.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pin.Where, err)
		}
		roots = append(roots, root{q, byFile + f.name, pin.Where})
	}
	r.hashes.needed = f.name
	return roots, nil
}

// readConstraints reads the files of constraints that the definition names.
func (r *sourceResolver) readConstraints() error {
	for _, f := range r.constraints {
		list, err := requirements.Read(f.name, r.readFile)
		if err != nil {
			return f.section.Errorf("%w", err)
		}
		r.limit(list.Requirements)
		r.limit(list.Constraints)
	}
	return nil
}

func (r *sourceResolver) limit(lines []requirements.Line) {
	for _, l := range lines {
		r.limits = append(r.limits, resolver.Root{Requirement: l.Requirement, Where: l.Where})
	}
}
