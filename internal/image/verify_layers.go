package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A verifier holds the entries of layers, which are all that a runtime unpacks, against the catalog.
type verifier struct {
	catalog *Catalog
	place   *catalogPlace
	last    int               // the layer of the catalog
	files   map[string]*File  // of the catalog, by path in the image
	scripts map[string]bool   // that may be there, by path in the image
	seen    map[string]string // entries so far, of all layers: "a file" or "a folder"
	buffer  []byte
}

// verifyLayers reads each layer once.
func verifyLayers(ctx context.Context, c *Catalog, place *catalogPlace, layers []layerContent) error {
	v := &verifier{
		catalog: c, place: place, last: len(layers) - 1,
		files: make(map[string]*File, len(c.Files)), scripts: map[string]bool{}, seen: make(map[string]string, len(c.Files)+1000),
		buffer: make([]byte, 256<<10),
	}
	for i := range c.Files {
		v.files[Root+"/"+c.Files[i].Path] = &c.Files[i]
	}
	for _, set := range c.Sets {
		v.scripts[path.Join(ScriptRoot, set.Name, ScriptName)] = true
	}
	for i, layer := range layers {
		if err := v.layer(ctx, i, layer); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	for i := range c.Files {
		if v.seen[Root+"/"+c.Files[i].Path] == "" {
			return artifact.Verifyf("%s: the catalog names it, and no layer has it", c.Files[i].Path)
		}
	}
	for _, name := range []string{ProgramPath, Root + "/" + HeadName, Root + "/" + RecordsName} {
		if v.seen[name] == "" {
			return artifact.Verifyf("%s: no layer has it", name)
		}
	}
	return nil
}

// A counter knows how much has been read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (v *verifier) layer(ctx context.Context, number int, layer layerContent) (err error) {
	body, err := layer.whole(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	in := &counter{r: body}
	files := map[string]*File{} // regular ones of this layer, by path in the image
	for entries := tar.NewReader(in); ; {
		h, err := entries.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
			return artifact.Verifyf("it is no whole tar archive: %w", err)
		}
		if err != nil {
			return err
		}
		if err := v.entry(number, h, in.n, entries, files); err != nil {
			return err
		}
	}
	return v.end(in)
}

// end reads what follows the last entry: zeros, to the layer's end.
func (v *verifier) end(in io.Reader) error {
	for {
		n, err := in.Read(v.buffer)
		if slices.ContainsFunc(v.buffer[:n], func(b byte) bool { return b != 0 }) {
			return artifact.Verifyf("something follows the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// entry checks one entry, whose content begins at an offset.
func (v *verifier) entry(number int, h *tar.Header, offset int64, content io.Reader, files map[string]*File) error {
	name := h.Name
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	if err := v.plausible(name, h); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		v.seen[name] = "a folder"
		return nil
	}
	v.seen[name] = "a file"
	f := v.files[name]
	switch {
	case f != nil && f.Layer != number:
		return artifact.Verifyf("%s: the catalog has it in layer %d", name, f.Layer)
	case f != nil && h.Typeflag == tar.TypeLink:
		if target := files[h.Linkname]; target == nil || target.Offset != f.Offset || target.Size != f.Size || target.SHA256 != f.SHA256 {
			return artifact.Verifyf("%s: a link to %q, where the catalog has other bytes", name, h.Linkname)
		}
		return nil
	case h.Typeflag != tar.TypeReg:
		return artifact.Verifyf("%s: neither a file nor a folder", name)
	case f != nil:
		if f.Offset != offset || f.Size != h.Size {
			return artifact.Verifyf("%s: %d bytes at %d, the catalog says %d at %d", name, h.Size, offset, f.Size, f.Offset)
		}
		files[name] = f
		sum := sha256.New()
		if _, err := io.CopyBuffer(sum, onlyReader{content}, v.buffer); err != nil {
			return cut(name, err)
		}
		return f.agrees(sum)
	case name == ProgramPath && number == 0, v.scripts[name]:
		return nil
	case number == v.last && name == Root+"/"+HeadName && v.place.Head == (layerPlace{offset, h.Size}),
		number == v.last && name == Root+"/"+RecordsName && v.place.Records == (layerPlace{offset, h.Size}):
		return nil
	}
	return artifact.Verifyf("%s: the catalog does not name it", name)
}

// onlyReader hides what io.Copy would use instead of the buffer.
type onlyReader struct{ io.Reader }

func cut(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return artifact.Verifyf("%s: it is cut short: %w", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// plausible refuses what a build never writes, whatever its content is: a runtime might make something else of it.
func (v *verifier) plausible(name string, h *tar.Header) error {
	if !artifact.ValidPath(name) {
		return artifact.Verifyf("%q: not a valid path in an image", h.Name)
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, ".wh.") {
			return artifact.Verifyf("%s: it would delete a file of a lower layer", name)
		}
	}
	was, again := v.seen[name]
	switch {
	case again && (was != "a folder" || h.Typeflag != tar.TypeDir):
		return artifact.Verifyf("%s: two entries have this path", name)
	case h.Uid != 0, h.Gid != 0, h.Mode&0o7000 != 0:
		return artifact.Verifyf("%s: owner %d:%d, mode %o", name, h.Uid, h.Gid, h.Mode)
	}
	for key := range h.PAXRecords {
		if key != "path" && key != "linkpath" && key != "size" {
			return artifact.Verifyf("%s: a record %q", name, key)
		}
	}
	if v.files[name] != nil && h.Typeflag == tar.TypeDir {
		return artifact.Verifyf("%s: a folder, where the catalog has a file", name)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if v.seen[dir] == "a file" {
			return artifact.Verifyf("%s: below a file", name)
		}
	}
	return nil
}

// verifyConfig wants of the configuration what the package's documentation promises.
func verifyConfig(data []byte) error {
	var config ocispec.Image
	if err := json.Unmarshal(data, &config); err != nil {
		return artifact.Verifyf("configuration: %w", err)
	}
	user, _, _ := strings.Cut(config.Config.User, ":")
	if id, err := strconv.ParseUint(user, 10, 32); err != nil || id == 0 {
		return artifact.Verifyf("configuration: the user %q is not a number above 0", config.Config.User)
	}
	if entry := append(slices.Clone(config.Config.Entrypoint), config.Config.Cmd...); !slices.Equal(entry, []string{"/" + ProgramPath, "serve"}) {
		return artifact.Verifyf("configuration: it runs %q, want /%s serve", entry, ProgramPath)
	}
	return nil
}
