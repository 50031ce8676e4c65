package diff

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/inspect"
	"github.com/minimirror/minimirror/internal/parallel"
)

// A History is what upstream says about the changes.
type History struct {
	Origins []Origin `json:"origins"` // by kind and name
	// Issues are the identifiers of vulnerabilities that the entries name, sorted, each once.
	Issues []string `json:"issues"`
}

// An Origin is what several items were made from, with the entries of its changelog between both versions.
type Origin struct {
	Kind     string                    `json:"kind"`
	Name     string                    `json:"name"`
	System   string                    `json:"system,omitempty"`
	Old      string                    `json:"old"` // version of an item
	New      string                    `json:"new"`
	Items    []string                  `json:"items"`    // names
	From     string                    `json:"from"`     // the item of B whose files have the changelog; empty: none has
	Complete bool                      `json:"complete"` // the entries go back to the old version
	Entries  []artifact.ChangelogEntry `json:"entries"`
	Issues   []string                  `json:"issues"`
	Problem  string                    `json:"problem,omitempty"` // why there are no entries

	changes []*Change
}

// issue is the identifier of a vulnerability.
var issue = regexp.MustCompile(`\bCVE-[0-9]{4}-[0-9]{4,19}\b`)

const parallelChangelogs = 4

// ReadHistory reads the changelogs of upgraded items from the files of image B. done is called with the bytes of Histories that
// are read.
func (d *Diff) ReadHistory(ctx context.Context, b *Side, r *image.Reader, kinds []artifact.Kind, done func(done int64)) error {
	readers := changeloggers(kinds)
	origins := d.origins(readers)
	files := make(map[string]catalog.File, len(b.Catalog.Files))
	for _, f := range b.Catalog.Files {
		files[f.Path] = f
	}
	err := parallel.Each(len(origins), parallelChangelogs, func(i int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := origins[i].read(ctx, readers[origins[i].Kind], r, files)
		done(origins[i].changes[0].New.Size)
		return err
	})
	if err != nil {
		return err
	}
	d.History = &History{Origins: []Origin{}, Issues: []string{}}
	for _, o := range origins {
		d.History.Origins = append(d.History.Origins, *o)
		d.History.Issues = append(d.History.Issues, o.Issues...)
	}
	d.History.Issues = sortIssues(d.History.Issues)
	unable := make(map[string]int)
	for i := range d.Changes {
		if c := &d.Changes[i]; hasHistory(c) && readers[c.Kind] == nil {
			unable[c.Kind]++
		}
	}
	for _, kind := range kindsOf(unable) {
		d.note("%s of the kind %s: their files have no changelog that this program reads", counted(unable[kind], "item"), kind)
	}
	return nil
}

// Histories is how many changelogs ReadHistory reads, and the size of the files that it expects to read for them, in bytes.
func (d *Diff) Histories(kinds []artifact.Kind) (n int, size int64) {
	all := d.origins(changeloggers(kinds))
	for _, o := range all {
		size += o.changes[0].New.Size
	}
	return len(all), size
}

func changeloggers(kinds []artifact.Kind) map[string]artifact.Changelogger {
	readers := make(map[string]artifact.Changelogger)
	for _, kind := range kinds {
		if reader, able := artifact.Able[artifact.Changelogger](kind); able {
			readers[kind.Name()] = reader
		}
	}
	return readers
}

func hasHistory(c *Change) bool { return c.What == Upgraded }

func kindsOf(counts map[string]int) (kinds []string) {
	for kind := range counts {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// origins groups the upgraded items by what they were made from.
func (d *Diff) origins(readers map[string]artifact.Changelogger) (all []*Origin) {
	byKey := make(map[string]*Origin)
	for i := range d.Changes {
		c := &d.Changes[i]
		reader := readers[c.Kind]
		if !hasHistory(c) || reader == nil {
			continue
		}
		origin, oldOrigin := reader.Origin(c.new), reader.Origin(c.old)
		name, version := origin.Of(c.new)
		oldName, oldVersion := oldOrigin.Of(c.old)
		if oldName != name {
			oldVersion = "" // it was made from something else
		}
		key := joined(c.Kind, c.System, name, oldVersion, version)
		if oldVersion == version {
			key = joined(key, c.Old.Version, c.New.Version) // built again
		}
		o := byKey[key]
		if o == nil {
			o = &Origin{Kind: c.Kind, Name: name, System: c.System, Old: cmp.Or(oldVersion, c.Old.Version), New: version, Items: []string{}, Entries: []artifact.ChangelogEntry{}, Issues: []string{}}
			if oldVersion == version {
				o.Old, o.New = c.Old.Version, c.New.Version
			}
			byKey[key] = o
			all = append(all, o)
		}
		o.changes = append(o.changes, c)
		if !slices.Contains(o.Items, c.Name) {
			o.Items = append(o.Items, c.Name)
		}
	}
	for _, o := range all {
		slices.Sort(o.Items)
		// The smallest file is read first: one of them is enough.
		slices.SortStableFunc(o.changes, func(a, b *Change) int { return cmp.Compare(a.New.Size, b.New.Size) })
	}
	slices.SortStableFunc(all, func(a, b *Origin) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.System, b.System), strings.Compare(a.Name, b.Name))
	})
	return all
}

// read reads the changelog of the first item that has one. A file that cannot be read as the kind expects is a problem of this origin;
// an image that cannot be read is an error.
func (o *Origin) read(ctx context.Context, reader artifact.Changelogger, r *image.Reader, files map[string]catalog.File) error {
	for _, c := range o.changes {
		var failed error
		changelog, err := reader.Changelog(ctx, c.old, c.new, func(f *artifact.File) (io.ReadCloser, error) {
			var content io.ReadCloser
			file, has := files[c.new.FileID(f)]
			if !has {
				failed = fmt.Errorf("%s: the image does not have it", c.new.FileID(f))
			} else {
				content, failed = inspect.Open(ctx, r, file)
			}
			return content, failed
		})
		switch {
		case failed != nil:
			return failed
		case err != nil:
			o.Problem = cmp.Or(o.Problem, err.Error())
			continue
		case changelog == nil:
			continue
		}
		o.From, o.Complete, o.Problem = c.New.ID, changelog.Complete, ""
		o.Entries = append(o.Entries, changelog.Entries...)
		for _, e := range o.Entries {
			o.Issues = append(o.Issues, issue.FindAllString(e.Text, -1)...)
		}
		o.Issues = sortIssues(o.Issues)
		return nil
	}
	o.Problem = cmp.Or(o.Problem, "none of its files has a changelog")
	return nil
}

// sortIssues sorts by year and number, each once.
func sortIssues(all []string) []string {
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(strings.Compare(a[:len("CVE-2024")], b[:len("CVE-2024")]), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	return slices.Compact(all)
}
