package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// properties are what the kinds know of each item that rules may match. Most items share most of it with
// others, so each list of values is there once: a distribution's 60,000 items take about 5 MB.
type properties struct {
	columns int     // the most that a kind has
	lists   []int32 // by place in the catalog and column: a place in values, or -1
	values  [][]string
}

// properties reads them once. What it returns gives those of the item at a place, good until the next call.
func (s *Server) properties(ctx context.Context, needed bool) (func(at int) [][]string, error) {
	if !needed {
		return nil, nil
	}
	if s.described == nil {
		p, err := s.readProperties(ctx)
		if err != nil {
			return nil, err
		}
		s.described = p
	}
	p := s.described
	row := make([][]string, p.columns)
	return func(at int) [][]string {
		for i, list := range p.lists[at*p.columns:][:p.columns] {
			if row[i] = nil; list >= 0 {
				row[i] = p.values[list]
			}
		}
		return row
	}, nil
}

func (s *Server) readProperties(ctx context.Context) (*properties, error) {
	kinds, p := map[string]artifact.Ruler{}, &properties{}
	for _, m := range s.mounts {
		if ruler, able := artifact.Able[artifact.Ruler](m.kind); able {
			kinds[m.kind.Name()] = ruler
			p.columns = max(p.columns, len(ruler.Properties()))
		}
	}
	p.lists = make([]int32, p.columns*len(s.image.Catalog.Items))
	for i := range p.lists {
		p.lists[i] = -1
	}
	known := map[string]int32{}
	var key []byte
	return p, s.image.EachItem(ctx, func(a *artifact.Item) error {
		at := s.items.at(a.ID())
		if at < 0 {
			return fmt.Errorf("%s: the catalog has changed", a.ID())
		}
		ruler := kinds[a.Kind]
		if ruler == nil {
			return nil
		}
		for column, texts := range ruler.PropertiesOf(a) {
			key = key[:0]
			for _, text := range texts {
				key = append(binary.AppendUvarint(key, uint64(len(text))), text...)
			}
			list, found := known[string(key)]
			if !found {
				list = int32(len(p.values))
				known[string(key)] = list
				p.values = append(p.values, ownTexts(texts))
			}
			p.lists[at*p.columns+column] = list
		}
		return nil
	})
}

// ownTexts copies texts that are parts of larger ones.
func ownTexts(texts []string) []string {
	own := make([]string, len(texts))
	for i, text := range texts {
		own[i] = strings.Clone(text)
	}
	return own
}
