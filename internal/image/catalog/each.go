package catalog

import (
	"context"

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
