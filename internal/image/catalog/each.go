package catalog

import (
	"context"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// EachItem reads all items with all their fields, by kind and name. It keeps none. Their
// strings are substrings of larger ones: a caller that keeps a few of them for long should clone them.
func (r *Reader) EachItem(ctx context.Context, take func(*artifact.Item) error) error {
	l := loader{Reader: r}
	return each(ctx, &l, &r.Tables.Items, (*itemRow).key, func(row *itemRow) error {
		if row.Of != nil {
			return nil
		}
		record, err := l.record(row)
		if err != nil {
			return err
		}
		return take(&record.Item)
	})
}

// Unused are the files in layers that the image does not offer: the layers come from earlier images, which
// offered them. They are sorted by path and layer; several layers may have a file with the same path.
func (r *Reader) Unused(ctx context.Context) (all []File, err error) {
	l := loader{Reader: r}
	var size int64
	err = each(ctx, &l, &r.Tables.Unused, (*File).key, func(f *File) error {
		if n := len(all); n > 0 && all[n-1].Path == f.Path && all[n-1].Layer >= f.Layer {
			return Errorf("unused file %q: out of order or repeated", f.Path)
		}
		f.Path = strings.Clone(f.Path)
		all, size = append(all, *f), size+f.Size
		return f.Check(r.layers)
	})
	if err == nil && size != r.Head.Unused {
		err = Errorf("%d bytes of unused files, the head says %d", size, r.Head.Unused)
	}
	return all, err
}
