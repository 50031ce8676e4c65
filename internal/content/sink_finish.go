package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/atomicfile"
)

// Finish implements Sink: moves the blobs to their places, then writes index.json. An image takes the place of another one with its name.
func (s *LayoutSink) Finish(_ context.Context, images []Image) error {
	if err := s.Sync(); err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, d := range slices.Sorted(maps.Keys(s.has)) {
		if !s.has[d] {
			continue
		}
		if _, err := s.root.Lstat(s.stagedName(d)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.root.MkdirAll(path.Dir(BlobPath(d)), 0o777); err != nil {
			return err
		}
		if err := s.root.Rename(s.stagedName(d), BlobPath(d)); err != nil {
			return err
		}
		folders[path.Dir(BlobPath(d))] = true
	}
	if err := s.root.MkdirAll(v1.ImageBlobsDir+"/sha256", 0o777); err != nil {
		return err
	}
	if _, err := s.root.Lstat(v1.ImageLayoutFile); errors.Is(err, fs.ErrNotExist) {
		text, err := json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
		if err != nil {
			return err
		}
		if err := atomicfile.WriteIn(s.root, v1.ImageLayoutFile, text, 0o666); err != nil {
			return err
		}
	}
	index, err := s.readIndex()
	if err != nil {
		return err
	}
	for _, im := range images {
		index.Manifests = mergeImage(index.Manifests, im)
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	for folder := range folders {
		if err := s.syncFile(folder); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteIn(s.root, v1.ImageIndexFile, text, 0o666); err != nil {
		return err
	}
	if err := s.root.RemoveAll(s.staging); err != nil {
		return err
	}
	_ = s.root.Remove(StagingFolder) // unless another bundle is staged
	return nil
}

func (s *LayoutSink) readIndex() (index v1.Index, err error) {
	index = v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	text, err := fs.ReadFile(s.root.FS(), v1.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", s, v1.ImageIndexFile, err)
	}
	return index, err
}

// mergeImage adds an image to those of index.json.
func mergeImage(all []v1.Descriptor, im Image) []v1.Descriptor {
	d := im.Descriptor
	if im.Name != "" {
		annotations := map[string]string{}
		maps.Copy(annotations, d.Annotations)
		annotations[v1.AnnotationRefName] = im.Name
		d.Annotations = annotations
	}
	for i, other := range all {
		name := other.Annotations[v1.AnnotationRefName]
		if im.Name != "" && name == im.Name || im.Name == "" && name == "" && other.Digest == d.Digest {
			all[i] = d
			return all
		}
	}
	return append(all, d)
}
