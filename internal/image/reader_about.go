package image

import "time"

// A LayerInfo describes a layer of an image.
type LayerInfo struct {
	Digest string `json:"digest"`          // of the uncompressed tar, "sha256:…"
	Size   int64  `json:"size"`            // bytes, uncompressed; -1: unknown, because the layer is compressed
	Title  string `json:"title,omitempty"` // what it holds, as the image's history says; empty: it does not say
	// Added is the date of the lock of the first image with the layer; zero: not known, or it is not a layer of files.
	Added time.Time `json:"added,omitzero"`
}

// LayerInfos describes the layers in the manifest's order; none for an unpacked tree.
func (r *Reader) LayerInfos() (all []LayerInfo) {
	if r.layers == nil {
		return nil
	}
	var titles []string
	if config, err := readConfig(r.config); err == nil {
		for _, h := range config.History {
			if !h.EmptyLayer {
				titles = append(titles, h.Comment)
			}
		}
	}
	for i, layer := range r.stored {
		info := LayerInfo{Digest: layer.Digest, Size: layer.Size}
		if len(titles) == len(r.layers) {
			info.Title = titles[i]
		}
		if i < len(r.Layers) {
			info.Added = r.Layers[i].Added
		}
		all = append(all, info)
	}
	return all
}

// Platforms are the platforms of the images in the index from which this one was chosen, such as "linux/amd64"; nil if there is one image only.
func (r *Reader) Platforms() []string { return r.among.platforms }

// IndexDigest is the digest of the index from which this image was chosen, "sha256:…": it identifies the images for all platforms.
// It is empty if there is one image only, or if the index has no digest.
func (r *Reader) IndexDigest() string { return r.among.digest.String() }

// Platform is the platform of the image's program, such as "linux/amd64"; empty for an unpacked tree.
func (r *Reader) Platform() string {
	config, err := readConfig(r.config)
	if r.layers == nil || err != nil || config.OS == "" {
		return ""
	}
	return config.OS + "/" + config.Architecture
}
