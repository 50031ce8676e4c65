package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/image"
)

// listSets prints the sets of an image.
func (c *command) listSets(r *image.Reader, output string) error {
	if output == "json" {
		sets := make([]map[string]any, 0, len(r.Sets))
		for _, s := range r.Sets {
			set := map[string]any{"name": s.Name, "architecture": s.Architecture, "artifacts": s.Count, "size": s.Size}
			if s.System != "" {
				set["system"] = s.System
			}
			sets = append(sets, set)
		}
		return json.NewEncoder(c.stdout).Encode(map[string]any{"image": r.Name, "date": r.Date, "sets": sets})
	}
	if len(r.Sets) == 0 {
		fmt.Fprintf(c.stderr, "%s has no sets; --package takes what it carries\n", r.Name)
	}
	for _, s := range r.Sets {
		if _, err := fmt.Fprintf(c.stdout, "%s (%s): %s\n", s.Name, s.Nodes(), quantity(s.Count, "item", s.Size)); err != nil {
			return err
		}
	}
	return nil
}

// printPlan prints what would be installed, in order.
func (c *command) printPlan(p *bootstrap.Plan, output string) error {
	if output == "json" {
		type file struct {
			Name, Version, Architecture, File, SHA256 string
			Size                                      int64
		}
		steps := make([][]file, 0, len(p.Parts))
		for _, step := range p.Steps() {
			var files []file
			for _, a := range step {
				for _, f := range a.Files {
					files = append(files, file{a.Name, a.Version, a.Architecture(), path.Base(f.Path), f.SHA256, f.Size})
				}
			}
			steps = append(steps, files)
		}
		type removal struct {
			Name, Version, By string
		}
		removed := make([]removal, 0)
		for _, r := range p.Removed() {
			removed = append(removed, removal{r.Name, r.Version, r.By})
		}
		return json.NewEncoder(c.stdout).Encode(map[string]any{"architecture": p.Architecture, "steps": steps, "present": p.Present(), "skipped": p.Skipped(), "removed": removed, "size": p.Size()})
	}
	for i, step := range p.Steps() {
		for _, a := range step {
			fmt.Fprintf(c.stdout, "step %d: %s, %s\n", i+1, a, bytesize.MB(a.Size()))
		}
	}
	for _, name := range p.Present() {
		fmt.Fprintf(c.stdout, "already installed: %s\n", name)
	}
	printRemoved(c.stdout, p)
	_, err := fmt.Fprintf(c.stdout, "%s\n", quantity(p.Count(), "item", p.Size()))
	return err
}

// printRemoved prints what gives way to what replaces it.
func printRemoved(w io.Writer, p *bootstrap.Plan) {
	for _, r := range p.Removed() {
		fmt.Fprintf(w, "removed: %s %s, replaced by %s\n", r.Name, r.Version, r.By)
	}
}
