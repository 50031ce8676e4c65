package image

// LayerDigests are the digests of the uncompressed layers, "sha256:…", in the
// manifest's order; nil for an unpacked tree.
func (r *Reader) LayerDigests() (digests []string) {
	if r.layers == nil {
		return nil
	}
	for _, layer := range r.stored {
		digests = append(digests, layer.Digest)
	}
	return digests
}
