package placement

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

// A document is the content of a mirror.layers, as JSON compressed with gzip: git treats every gzip file as binary.
type document struct {
	Version int             `json:"version"`
	Layers  []documentLayer `json:"layers"`
}

type documentLayer struct {
	Title string    `json:"title"`
	Added time.Time `json:"added,omitzero"`
	// Architecture is as in Layer.
	Architecture string   `json:"architecture,omitempty"`
	Files        []string `json:"files"` // "SIZE SHA256 PATH", wanted or not, sorted by path
	// Links are as in Layer.
	Links map[string]string `json:"links,omitempty"`
}

const (
	documentVersion = 2       // 1 if no layer has links, which programs that read only version 1 would leave out
	maxTitle        = 10_000  // bytes: the names of sets
	maxDocument     = 1 << 30 // bytes, uncompressed: a distribution has 20 MB
)

// LayersFile is the path of the layers file of a lock: mirror.layers beside mirror.lock.
func LayersFile(lock string) string {
	return strings.TrimSuffix(lock, filepath.Ext(lock)) + ".layers"
}

// Read reads the layers with which an image was built. Errors about the content are artifact.ErrVerify; fs.ErrNotExist says that
// there is no such file.
func Read(file string) ([]Layer, error) {
	data, err := artifact.ReadFile(file)
	if err != nil {
		return nil, err
	}
	layers, err := decode(data)
	if err != nil {
		return nil, artifact.Hint(artifact.Verifyf("%s: it is damaged: %w", file, err),
			"take it from version control again, or remove it: the next image then shares no layers with the one before")
	}
	return layers, nil
}

func decode(data []byte) ([]Layer, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("more than %d bytes", maxDocument)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	if d.Version < 1 || d.Version > documentVersion {
		return nil, fmt.Errorf("version %d: this program reads versions up to %d", d.Version, documentVersion)
	}
	layers := make([]Layer, len(d.Layers))
	for i, l := range d.Layers {
		if layers[i].Title = l.Title; len(l.Title) > maxTitle || artifact.Printable(l.Title) != l.Title {
			return nil, fmt.Errorf("layer %d: invalid title", i)
		}
		if layers[i].Architecture = l.Architecture; l.Architecture != "" && !artifact.ValidName(l.Architecture) {
			return nil, fmt.Errorf("layer %d: invalid architecture", i)
		}
		layers[i].Added = l.Added
		for at, line := range l.Files {
			f, err := parseFile(line)
			if err == nil && at > 0 && f.Path <= layers[i].Files[at-1].Path {
				err = fmt.Errorf("out of order or repeated")
			}
			if err != nil {
				return nil, fmt.Errorf("layer %d: %.200q: %w", i, line, err)
			}
			layers[i].Files = append(layers[i].Files, f)
		}
		if err := layers[i].setLinks(l.Links); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return layers, nil
}

// setLinks sets the links of a layer whose files are all in Files, and refuses what Layer.Links does not allow.
func (l *Layer) setLinks(links map[string]string) error {
	if len(links) == 0 {
		return nil
	}
	contents := make(map[string]artifact.Content, len(l.Files))
	for i := range l.Files {
		contents[l.Files[i].Path] = l.Files[i].content()
	}
	for name, target := range links {
		content, known := contents[name]
		if !known || contents[target] != content || target >= name || links[target] != "" {
			return fmt.Errorf("%.200q cannot be a link to %.200q", name, target)
		}
	}
	l.Links = links
	return nil
}

func parseFile(line string) (f File, err error) {
	size, rest, _ := strings.Cut(line, " ")
	f.SHA256, f.Path, _ = strings.Cut(rest, " ")
	f.Size, err = strconv.ParseInt(size, 10, 64)
	switch {
	case err != nil || f.Size < 0:
		return f, fmt.Errorf("invalid size")
	case !artifact.ValidSHA256(f.SHA256):
		return f, fmt.Errorf("invalid sha256")
	case !artifact.ValidPath(f.Path) || !strings.HasPrefix(f.Path, layout.Root+"/") || strings.Contains(f.Path, "/"+tarlayer.Whiteout) ||
		f.Path == layout.Root+"/"+layout.HeadName || f.Path == layout.Root+"/"+layout.RecordsName:
		return f, fmt.Errorf("invalid path")
	}
	return f, nil
}

// Write replaces the file, unless its content is already the same.
func Write(file string, layers []Layer) error {
	d := document{Version: 1}
	for _, l := range layers {
		if len(l.Links) > 0 {
			d.Version = documentVersion
		}
		all := slices.Concat(l.Files, l.Unused)
		slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		stated := documentLayer{Title: l.Title, Added: l.Added, Architecture: l.Architecture, Links: l.Links}
		for _, f := range all {
			stated.Files = append(stated.Files, fmt.Sprintf("%d %s %s", f.Size, f.SHA256, f.Path))
		}
		d.Layers = append(d.Layers, stated)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if have, err := artifact.ReadFile(file); err == nil && sameText(have, text) {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return atomicfile.Write(file, b.Bytes(), 0o644)
}

// sameText reports whether the data decompress to the text: other versions of the compressor produce other bytes.
func sameText(data, text []byte) bool {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return false
	}
	have, err := io.ReadAll(io.LimitReader(r, int64(len(text))+1))
	return err == nil && bytes.Equal(have, text)
}
