package catalog

import (
	"context"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// EachItem reads all items with all that the catalog says of them, by kind and name. It keeps none. Their
// texts are parts of larger ones: whoever keeps few of them for long clones them.
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

// Unused are the files that layers have and that belong to nothing the image offers: earlier images had these layers, too, and
// offered them. They are sorted by path and layer; several layers may have a file of one path.
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
