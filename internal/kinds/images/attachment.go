package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An attachment is an artifact that is attached to a manifest: a signature, an SBOM, an attestation.
type attachment struct {
	subject string        // digest of the manifest
	tag     string        // cosign's; empty: it is a referrer
	listed  v1.Descriptor // as the list of referrers has it
	kinds   []string
	nodes   []*node // the artifact; if it is an index, what that lists, too
	carried bool
}

const (
	maxAttached      = 2000 // artifacts of one image
	maxAttachedDepth = 5    // of artifacts that are attached to artifacts
)

// attach finds all artifacts that are attached to the manifests of a tree, and those attached to these artifacts in turn.
func (r *reader) attach(ctx context.Context, t *tree) error {
	t.attached = make(map[string][]*attachment)
	if !r.asksForAttached() {
		return nil
	}
	subjects := []string{t.root.digest()}
	for _, l := range t.leaves {
		for _, n := range append(slices.Clone(l.above), l.node) {
			if !slices.Contains(subjects, n.digest()) {
				subjects = append(subjects, n.digest())
			}
		}
	}
	count := 0
	for depth := 0; len(subjects) > 0; depth++ {
		if depth > maxAttachedDepth {
			return artifact.Verifyf("artifacts are attached to artifacts, more than %d levels: %s", maxAttachedDepth, subjects[0])
		}
		var next []string
		for _, subject := range subjects {
			found, err := r.attachedTo(ctx, subject)
			if err != nil {
				return fmt.Errorf("what is attached to %s: %w", subject, err)
			}
			if count += len(found); count > maxAttached {
				return artifact.Verifyf("more than %d artifacts are attached to it", maxAttached)
			}
			t.attached[subject] = found
			for _, a := range found {
				for _, n := range a.nodes {
					if _, known := t.attached[n.digest()]; !known && a.carried && !slices.Contains(next, n.digest()) && !slices.Contains(subjects, n.digest()) {
						next = append(next, n.digest())
					}
				}
			}
		}
		subjects = next
	}
	return nil
}

// asksForAttached reports whether it matters what is attached to images.
func (r *reader) asksForAttached() bool { return !r.referrers.none() || len(r.keys) > 0 }

// attachedTo are the artifacts that are attached to a manifest: its referrers, and what is at cosign's tags.
func (r *reader) attachedTo(ctx context.Context, subject string) (all []*attachment, err error) {
	listed, err := r.in.referrers(ctx, r.repository, subject)
	if err != nil {
		return nil, err
	}
	for _, d := range listed {
		if slices.ContainsFunc(all, func(a *attachment) bool { return a.listed.Digest == d.Digest }) {
			continue
		}
		d.Data = nil // the bytes are a file
		if !r.mayWant(&d) {
			continue
		}
		a := &attachment{subject: subject, listed: d}
		if err := r.fill(ctx, a, d.Digest.String(), &d); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	for _, c := range cosignTags {
		tag := cosignTag(subject, c.suffix)
		listed := r.tagged(ctx, tag)
		if listed == no && !(c.kind == signatures && len(r.keys) > 0) {
			continue
		}
		a := &attachment{subject: subject, tag: tag}
		if err := r.fill(ctx, a, tag, nil); errors.Is(err, fs.ErrNotExist) && listed != yes {
			continue // this was a question
		} else if err != nil {
			return nil, fmt.Errorf("the tag %s: %w", tag, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// mayWant reports whether an artifact may be wanted, judging by its descriptor in the list. Others are not fetched.
func (r *reader) mayWant(listed *v1.Descriptor) bool {
	kinds := kindsOf("", listed, &document{})
	return len(kinds) == 0 || r.referrers.wants(kinds) || slices.Contains(kinds, attestations) || len(r.keys) > 0 && slices.Contains(kinds, signatures)
}

// An answer to whether the repository has a tag, without a request for the tag.
type answer int

const (
	unknown answer = iota // there is no list of tags, or it lacks tags that are there
	no
	yes
)

// tagged asks the list of tags.
func (r *reader) tagged(ctx context.Context, tag string) answer {
	if in, is := r.in.(*registry); is {
		return in.tagged(ctx, r.repository, tag)
	}
	switch tags, err := r.in.tags(ctx, r.repository); {
	case err != nil:
		return unknown
	case slices.Contains(tags, tag):
		return yes
	}
	return no
}

// fill reads an artifact and determines its kinds.
func (r *reader) fill(ctx context.Context, a *attachment, version string, listed *v1.Descriptor) error {
	n, err := r.load(ctx, version, listed)
	if err != nil {
		return err
	}
	a.nodes = []*node{n}
	if listed == nil {
		a.listed = n.descriptor
	}
	a.kinds = kindsOf(a.tag, &a.listed, n.document)
	a.carried = r.referrers.wants(a.kinds)
	for at := 0; n.index() && at < len(n.Manifests); at++ {
		child, err := r.load(ctx, "", &n.Manifests[at])
		if err != nil {
			return err
		}
		if child.index() {
			return artifact.Verifyf("%s: an index in an index that is attached to an image is not supported", child.digest())
		}
		a.nodes = append(a.nodes, child)
	}
	return nil
}
