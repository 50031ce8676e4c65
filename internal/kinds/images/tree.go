package images

import (
	"context"
	"fmt"
	"slices"
	"strings"

	platform "github.com/containerd/platforms"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A node is a manifest or an index, with the files that belong to it.
type node struct {
	descriptor v1.Descriptor // MediaType, Digest and Size
	*document
	file  artifact.File
	blobs []artifact.File // configuration and layers; each once
}

func (n *node) digest() string { return n.descriptor.Digest.String() }

// A tree is what a tag or a digest names, down to the manifests of the wanted platforms.
type tree struct {
	root     *node
	leaves   []*leaf
	absent   []string // "DIGEST PLATFORM" of what indexes list and is not carried
	lacking  []string // platforms that are wanted, and that no leaf has
	attached map[string][]*attachment
	signedBy map[string][]string // by the digest of a manifest, the keys that have signed it
}

// A leaf is the manifest of an image for a platform, or of an artifact.
type leaf struct {
	above    []*node // indexes between the root and the leaf
	node     *node
	platform string // "linux/arm64/v8", or empty
	config   config
	beside   []*node // manifests of the same index that describe it: BuildKit's attestations
}

const (
	maxDepth     = 4         // of indexes in indexes
	maxNodes     = 10_000    // manifests and indexes of one image, with what is attached
	maxNodesSize = 256 << 20 // bytes of these together
)

// A reader reads one tree.
type reader struct {
	*source
	in         content
	repository string

	nodes    int             // that were read
	size     int64           // of these, in bytes
	expanded map[string]bool // indexes whose manifests are in the tree, by digest
}

// count counts a node: a few small indexes can list each other so that there are more ways through them than anybody can follow.
func (r *reader) count(size int64) error {
	r.nodes++
	r.size += size
	if r.nodes > maxNodes || r.size > maxNodesSize {
		return artifact.Verifyf("the image and what is attached to it consist of more than %d manifests, or of more than %d bytes of manifests", maxNodes, maxNodesSize)
	}
	return nil
}

// load reads what a descriptor, or a version alone, names.
func (r *reader) load(ctx context.Context, version string, listed *v1.Descriptor) (*node, error) {
	if listed != nil {
		version = listed.Digest.String()
		if listed.Size > maxManifest {
			return nil, artifact.Verifyf("%s: a manifest of %d bytes: more than %d are not supported", version, listed.Size, maxManifest)
		}
	}
	m, err := r.in.manifest(ctx, r.repository, version)
	if err != nil {
		return nil, err
	}
	if err := r.count(m.descriptor.Size); err != nil {
		return nil, err
	}
	stated := m.descriptor.MediaType
	if listed != nil {
		if listed.Size != m.descriptor.Size {
			return nil, artifact.Verifyf("%s: size mismatch: the manifest has %d bytes, its descriptor states %d", version, m.descriptor.Size, listed.Size)
		}
		stated = listed.MediaType
	}
	n := &node{descriptor: m.descriptor}
	if n.document, err = parseDocument(m.data, stated); err != nil {
		if listed != nil {
			err = fmt.Errorf("%s: %w", version, err)
		}
		return nil, err
	}
	n.descriptor.MediaType = n.MediaType
	if n.file, err = r.in.file(ctx, r.repository, manifestFolder, n.descriptor); err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, d := range n.document.blobs() {
		if known[d.Digest.String()] {
			continue
		}
		known[d.Digest.String()] = true
		f, err := r.in.file(ctx, r.repository, blobFolder, d)
		if err != nil {
			return nil, err
		}
		n.blobs = append(n.blobs, f)
	}
	return n, nil
}

// tree reads what a version names.
func (r *reader) tree(ctx context.Context, version string) (*tree, error) {
	root, err := r.load(ctx, version, nil)
	if err != nil {
		return nil, err
	}
	t := &tree{root: root}
	var has []string // platforms, for an error
	if root.index() {
		has, err = r.below(ctx, t, nil, root)
	} else {
		has, err = r.single(ctx, t, nil, root, nil)
	}
	if err != nil {
		return nil, err
	}
	if len(t.leaves) == 0 {
		if len(has) == 0 {
			return nil, artifact.Verifyf("the index lists no manifests")
		}
		slices.Sort(has)
		return nil, &noPlatformError{r.platforms.String(), strings.Join(slices.Compact(has), ", ")}
	}
	t.lacking = r.lacking(t)
	slices.Sort(t.absent)
	t.absent = slices.Compact(t.absent)
	return t, nil
}

// A noPlatformError is that an image is for none of the wanted platforms.
type noPlatformError struct{ wanted, has string }

func (e *noPlatformError) Error() string {
	return fmt.Sprintf("the image is for none of the platforms in the definition, %s: it is for %s", e.wanted, e.has)
}

// lacking are the wanted platforms that no leaf has. What has no platform is for all.
func (r *reader) lacking(t *tree) (all []string) {
	for _, w := range r.platforms.wanted {
		one := platforms{wanted: []v1.Platform{w}}
		if !slices.ContainsFunc(t.leaves, func(l *leaf) bool { return l.platform == "" || one.has(parsedPlatform(l.platform)) }) {
			all = append(all, platformName(&w))
		}
	}
	return all
}

func parsedPlatform(name string) *v1.Platform {
	parts := append(strings.SplitN(name, "/", 3), "", "")
	return &v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

// below adds what an index lists. It returns the names of the platforms there.
func (r *reader) below(ctx context.Context, t *tree, above []*node, index *node) (has []string, err error) {
	if len(above) >= maxDepth {
		return nil, artifact.Verifyf("indexes in indexes, %d levels: more than %d are not supported", len(above)+1, maxDepth)
	}
	if index != t.root {
		above = append(slices.Clone(above), index)
	}
	if r.expanded[index.digest()] { // what many lead to is there once
		return nil, nil
	}
	if r.expanded == nil {
		r.expanded = make(map[string]bool)
	}
	r.expanded[index.digest()] = true
	first := len(t.leaves)
	var describing []v1.Descriptor
	for _, d := range index.Manifests {
		if describes(&d) != "" {
			describing = append(describing, d)
			continue
		}
		name := platformName(d.Platform)
		if d.Platform != nil && name != "" && !r.platforms.has(d.Platform) {
			has = append(has, name)
			t.absent = append(t.absent, absentLine(&d))
			continue
		}
		child, err := r.load(ctx, "", &d)
		if err != nil {
			return nil, fmt.Errorf("the index lists a manifest%s: %w", forPlatform(name), err)
		}
		var found []string
		if child.index() {
			found, err = r.below(ctx, t, above, child)
		} else {
			found, err = r.single(ctx, t, above, child, &d)
		}
		if err != nil {
			return nil, err
		}
		has = append(has, found...)
	}
	for _, d := range describing {
		if err := r.beside(ctx, t, t.leaves[first:], &d); err != nil {
			return nil, err
		}
	}
	return has, nil
}

func absentLine(d *v1.Descriptor) string {
	return strings.TrimSpace(d.Digest.String() + " " + artifact.Printable(platformName(d.Platform)))
}

func forPlatform(name string) string {
	if name == "" {
		return ""
	}
	return " for " + artifact.Printable(name)
}

// single adds a manifest, if it is for a platform that is wanted.
func (r *reader) single(ctx context.Context, t *tree, above []*node, n *node, listed *v1.Descriptor) (has []string, err error) {
	l := &leaf{above: above, node: n}
	if n.image() {
		if l.config, err = r.config(ctx, n.Config); err != nil {
			return nil, err
		}
	}
	of := &l.config.Platform
	if listed != nil && listed.Platform != nil {
		of = listed.Platform
	}
	if l.platform = platformName(of); l.platform != "" && !validPlatform(l.platform) {
		return nil, artifact.Verifyf("the image states %q as its platform", artifact.Printable(l.platform))
	}
	if l.platform == "" {
		of = nil
	}
	if !r.platforms.has(of) {
		if listed != nil {
			t.absent = append(t.absent, strings.TrimSpace(n.digest()+" "+l.platform))
		}
		return []string{l.platform}, nil
	}
	if !slices.ContainsFunc(t.leaves, func(o *leaf) bool { return o.node.digest() == n.digest() && o.platform == l.platform }) {
		t.leaves = append(t.leaves, l)
	}
	return []string{l.platform}, nil
}

// validPlatform reports whether a platform can be a part of a key: image specification, "image-index.md", and Go's names.
func validPlatform(name string) bool {
	return artifact.ValidPath(name) && strings.Count(name, "/") <= 2 && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789._-/") == ""
}

// architectureOf is the attribute of that name: the architecture and its variant, as clients compare them.
func architectureOf(name string) string {
	if name == "" {
		return ""
	}
	p := platform.Normalize(*parsedPlatform(name))
	if p.Variant != "" {
		return p.Architecture + "/" + p.Variant
	}
	return p.Architecture
}

// Annotations of manifests that BuildKit puts into an index beside the images that they describe.
const (
	describedType   = "vnd.docker.reference.type"
	describedDigest = "vnd.docker.reference.digest"
)

// describes is the digest of the manifest that a manifest of the same index describes; empty: it describes none.
func describes(d *v1.Descriptor) string {
	if d.Annotations[describedType] == "" {
		return ""
	}
	return d.Annotations[describedDigest]
}

// beside adds a manifest that describes others of the same index to those that are carried.
func (r *reader) beside(ctx context.Context, t *tree, leaves []*leaf, d *v1.Descriptor) error {
	var described []*leaf
	for _, l := range leaves {
		if l.node.digest() == describes(d) {
			described = append(described, l)
		}
	}
	if len(described) == 0 || r.referrers.none() {
		t.absent = append(t.absent, absentLine(d))
		return nil
	}
	n, err := r.load(ctx, "", d)
	if err != nil {
		return fmt.Errorf("the index lists an attestation: %w", err)
	}
	if kinds := append(kindsOf("", d, n.document), attestations); !r.referrers.wants(kinds) {
		t.absent = append(t.absent, absentLine(d))
		return nil
	}
	for _, l := range described {
		l.beside = append(l.beside, n)
	}
	return nil
}
