package images

import (
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An itemMaker collects the files and the metadata of an item.
type itemMaker struct {
	files    []artifact.File
	paths    map[string]bool
	types    []string
	tags     []string
	attached []string
	signedBy []string
	seen     map[string]bool // manifests whose attachments are there
}

// add adds a manifest; with its blobs, or without them.
func (m *itemMaker) add(n *node) {
	if m.addFile(n.file) {
		m.types = append(m.types, keyType+": "+n.digest()+" "+n.MediaType)
	}
	for _, f := range n.blobs {
		m.addFile(f)
	}
}

func (m *itemMaker) addFile(f artifact.File) bool {
	if m.paths[f.Path] {
		return false
	}
	m.paths[f.Path] = true
	m.files = append(m.files, f)
	return true
}

// attach adds what is attached to a manifest, and to that.
func (m *itemMaker) attach(t *tree, digest string) {
	if m.seen[digest] {
		return
	}
	m.seen[digest] = true
	for _, by := range t.signedBy[digest] {
		m.signedBy = append(m.signedBy, line(keySigned, by))
	}
	for _, a := range t.attached[digest] {
		if !a.carried {
			continue
		}
		for _, n := range a.nodes {
			m.add(n)
		}
		if a.tag != "" {
			m.tags = append(m.tags, keyTag+": "+a.tag+" "+a.nodes[0].digest())
		} else if text, err := referrerLine(digest, &a.listed); err == nil { // a descriptor that was JSON is JSON again
			m.attached = append(m.attached, text)
		}
		for _, n := range a.nodes {
			m.attach(t, n.digest())
		}
	}
}

// items makes the items of a tree: one for each platform.
func (r *sourceResolver) items(w *wanted, t *tree) (items []artifact.Item) {
	keys := make(map[string]bool)
	for _, l := range t.leaves {
		m := &itemMaker{paths: make(map[string]bool), seen: make(map[string]bool)}
		nodes := append(append([]*node{t.root}, l.above...), l.node)
		for _, n := range append(nodes, l.beside...) {
			m.add(n)
		}
		for _, n := range nodes {
			m.attach(t, n.digest())
		}
		key := itemKey(w.repository, w.version, l.platform)
		if keys[key] {
			key += "/" + strings.Replace(l.node.digest(), ":", "-", 1)[:len("sha256-")+12]
		}
		keys[key] = true
		attributes := map[string][]string{attributeDigest: {t.root.digest()}}
		if t.root.index() {
			attributes[attributeManifest] = []string{l.node.digest()}
		}
		if l.platform != "" {
			attributes[attributePlatform] = []string{l.platform}
			attributes[attributeArchitecture] = []string{architectureOf(l.platform)}
		}
		items = append(items, artifact.Item{Kind: Kind{}.Name(), Source: r.name(), Name: w.repository, Version: w.version, Key: key, Requested: true,
			Attributes: artifact.NewAttributes(attributes), Files: m.files, Metadata: r.metadata(w, t, l, m)})
	}
	return items
}

// metadata are the lines of an item.
func (r *sourceResolver) metadata(w *wanted, t *tree, l *leaf, m *itemMaker) (lines []string) {
	if media := l.media(); media != "" {
		lines = append(lines, line(keyMedia, artifact.Printable(media)))
	}
	const createdLabel = "org.opencontainers.image.created"
	if when := created(l.config.Created, l.node.Annotations[createdLabel]); when != "" {
		lines = append(lines, line(keyCreated, when))
	}
	lines = append(lines, labels(l.config.Config.Labels, t.root.Annotations, l.node.Annotations)...)
	for _, some := range [][]string{m.types, m.tags, m.attached} {
		slices.Sort(some)
		lines = append(lines, some...)
	}
	for _, absent := range t.absent {
		lines = append(lines, line(keyAbsent, absent))
	}
	slices.Sort(m.signedBy)
	lines = append(lines, slices.Compact(m.signedBy)...)
	return append(lines, r.requestLines(w)...)
}

// media is what an artifact is; empty: it is an image.
func (l *leaf) media() string {
	switch {
	case l.node.image():
		return ""
	case l.node.ArtifactType != "":
		return l.node.ArtifactType
	case l.node.Config != nil:
		return l.node.Config.MediaType
	}
	return l.node.MediaType
}

// requestLines are the last lines of an item: the requests that matched it, and how the source's images are chosen.
func (r *sourceResolver) requestLines(w *wanted) (lines []string) {
	for _, one := range w.requests {
		lines = append(lines, line(keyRequest, one.lockedText()))
	}
	return append(lines, r.options)
}

// optionsLine has everything in the definition that determines the content of an item. If it is unchanged, so are the items of a digest.
func (r *sourceResolver) optionsLine() string {
	referrers := "all"
	if !r.referrers.all {
		kinds := slices.Clone(r.referrers.kinds)
		slices.Sort(kinds)
		if referrers = strings.Join(kinds, " "); referrers == "" {
			referrers = "none"
		}
	}
	names := strings.Split(r.platforms.String(), ", ")
	slices.Sort(names)
	text := "platforms " + strings.Join(slices.Compact(names), " ") + "; referrers " + referrers
	for _, key := range r.keys {
		text += "; key " + key.fingerprint + " " + key.File
	}
	return line(keyOptions, text)
}

// reusable reports whether resolving again would make the items that the previous lock has.
func (r *sourceResolver) reusable(w *wanted) bool {
	_, remote := r.in.(*registry)
	return remote && !slices.ContainsFunc(w.held, func(i artifact.Item) bool { return !slices.Contains(i.Metadata, r.options) })
}

// reuse takes the items of the previous lock, with the addresses of the present origin.
func (r *sourceResolver) reuse(w *wanted) (items []artifact.Item) {
	in := r.in.(*registry)
	for _, item := range w.held {
		item.Files = slices.Clone(item.Files)
		for i := range item.Files {
			f := &item.Files[i]
			f.URLs = append([]string{in.url(item.Name, fileOf(f.Path))}, f.URLs[min(1, len(f.URLs)):]...)
		}
		item.Metadata = slices.DeleteFunc(slices.Clone(item.Metadata), func(text string) bool {
			return strings.HasPrefix(text, keyRequest+": ") || strings.HasPrefix(text, keyOptions+": ")
		})
		item.Metadata, item.Requested = append(item.Metadata, r.requestLines(w)...), true
		items = append(items, item)
	}
	return items
}

// fileOf is a file below its repository on a registry: "blobs/sha256:HEX".
func fileOf(path string) string {
	folder, digest, _ := parseFilePath(path)
	return folder + digest
}
