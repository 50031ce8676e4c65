package tarlayer

import "path"

// A Stack determines which files are visible after layers are unpacked in order: a file replaces what
// lower layers have at its path, a folder replaces a file, and a file replaces a folder with everything in it (OCI image
// specification 1.1, "Applying Changesets").
type Stack struct {
	files, folders map[string]int // the highest layer that has one at the path
}

// Add adds a regular file of a layer, with its parent folders. The order of calls does not matter.
func (s *Stack) Add(layer int, name string) {
	if s.files == nil {
		s.files, s.folders = make(map[string]int), make(map[string]int)
	}
	if at, found := s.files[name]; !found || at < layer {
		s.files[name] = layer
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if at, found := s.folders[dir]; found && at >= layer {
			break // so are those above
		}
		s.folders[dir] = layer
	}
}

// Sees reports whether the layer's file at the path is visible after all layers are unpacked.
func (s *Stack) Sees(layer int, name string) bool {
	if at, found := s.files[name]; !found || at != layer {
		return false
	}
	if at, found := s.folders[name]; found && at >= layer {
		return false
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if at, found := s.files[dir]; found && at >= layer {
			return false
		}
	}
	return true
}
