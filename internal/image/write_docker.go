package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// WriteDockerArchive writes the whole image as docker load, podman load and ctr images import accept it
// (Docker image specification 1.2), with its layers uncompressed. tags are NAME:TAG. Each layer is
// verified, but only after it has been written: after an error, discard what was written.
func (r *Reader) WriteDockerArchive(ctx context.Context, w io.Writer, tags ...string) error {
	if r.layers == nil {
		return artifact.Hint(fmt.Errorf("%s: an unpacked image cannot be made into an archive", r.Reference),
			"name the image's file, or its address in a registry")
	}
	archive := tar.NewWriter(w)
	config := strings.TrimPrefix(catalog.DigestOf(r.config), "sha256:") + ".json"
	names := make([]string, len(r.layers))
	written := map[string]bool{}
	for i, layer := range r.layers {
		names[i] = strings.TrimPrefix(r.stored[i].Digest, "sha256:") + ".tar"
		if written[names[i]] {
			continue
		}
		written[names[i]] = true
		if err := writeLayer(ctx, archive, names[i], layer, r.stored[i].Size); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	manifest, err := json.Marshal([]dockerManifest{{config, tags, names}})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{config, r.config}, {dockerManifestFile, manifest}} {
		if err := archive.WriteHeader(entryOf(f.name, int64(len(f.data)))); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	return archive.Close()
}

func entryOf(name string, size int64) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0)}
}

// writeLayer writes an entry. A layer of unknown size is spooled first.
func writeLayer(ctx context.Context, archive *tar.Writer, name string, layer layerContent, size int64) error {
	body, err := layer.whole(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	var source io.Reader = body
	if size < 0 {
		file, err := spool(ctx, body, "")
		if err != nil {
			return err
		}
		defer file.Close()
		if size, err = file.Seek(0, io.SeekEnd); err == nil {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			return err
		}
		source = file
	}
	if err := archive.WriteHeader(entryOf(name, size)); err != nil {
		return err
	}
	if _, err := io.CopyN(archive, source, size); err != nil {
		return err
	}
	// The body is verified at its end.
	if n, err := io.Copy(io.Discard, body); n > 0 {
		return errors.Join(artifact.Verifyf("%d bytes more than the manifest says", n), err)
	} else if err != nil {
		return err
	}
	return nil
}
