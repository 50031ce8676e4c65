package tarlayer

import "testing"

func TestStack(t *testing.T) {
	type file struct {
		layer int
		path  string
	}
	for _, c := range []struct {
		name  string
		files []file
		seen  []bool
	}{
		{"apart", []file{{0, "a"}, {1, "b"}}, []bool{true, true}},
		{"replaced", []file{{0, "d/a"}, {1, "d/a"}}, []bool{false, true}},
		{"in any order", []file{{1, "d/a"}, {0, "d/a"}}, []bool{true, false}},
		{"a file upon a folder", []file{{0, "d/a"}, {0, "d/b/c"}, {1, "d"}}, []bool{false, false, true}},
		{"a folder upon a file", []file{{0, "d"}, {1, "d/a/b"}}, []bool{false, true}},
		{"a folder upon a file below it", []file{{0, "d/a"}, {2, "d/a/b"}, {1, "d/c"}}, []bool{false, true, true}},
		{"a file, then the folder again", []file{{0, "d/a"}, {1, "d"}, {2, "d/b"}}, []bool{false, false, true}},
		{"both in one layer", []file{{0, "d"}, {0, "d/a"}}, []bool{false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Stack
			for _, f := range c.files {
				s.Add(f.layer, f.path)
			}
			for i, f := range c.files {
				if got := s.Sees(f.layer, f.path); got != c.seen[i] {
					t.Errorf("layer %d, %s: got %t", f.layer, f.path, got)
				}
			}
			if s.Sees(0, "absent") {
				t.Error("it sees what is not there")
			}
		})
	}
}
