package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/transfer"
)

// Attach pushes artifacts of an image, which need not be there yet, to its repository, HOST/NAME. What is at the tag of an artifact stays there, and
// the artifact is added to it. Where the registry does not list referrers, a tag does (OCI distribution specification 1.1, "Pushing manifests with
// subject").
func Attach(ctx context.Context, path string, o Options, image v1.Descriptor, all []attached.Artifact) error {
	r, err := Open(path, o)
	if err != nil {
		return err
	}
	defer r.Close()
	p, err := newPusher(path, o)
	if err != nil {
		return err
	}
	var referrers []v1.Descriptor
	for _, a := range attached.Join(all) {
		made, err := p.attach(ctx, r, image, a)
		if err != nil {
			return r.explain(err)
		}
		if made.Tag == "" {
			referrers = append(referrers, made.Manifest.Descriptor)
		}
	}
	if len(referrers) == 0 {
		return nil
	}
	if _, err := r.referrers(ctx, image.Digest.String()); !errors.Is(err, errNoReferrers) {
		return err
	}
	return p.list(ctx, r, image.Digest, referrers)
}

// attach pushes one artifact.
func (p *pusher) attach(ctx context.Context, r *Repository, image v1.Descriptor, a attached.Artifact) (*attached.Made, error) {
	if a.Tag != "" {
		text, _, _, err := r.Manifest(ctx, a.Tag)
		if err == nil {
			a, err = a.After(text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	made, err := a.Make(image)
	if err != nil {
		return nil, err
	}
	for i := range made.Blobs {
		if err := p.push(ctx, "@"+made.Manifest.Digest.String(), &made.Blobs[i]); err != nil {
			return nil, err
		}
	}
	at := "@" + made.Manifest.Digest.String()
	if made.Tag != "" {
		at = ":" + made.Tag
	}
	return made, p.push(ctx, at, &made.Manifest)
}

// Tag gives an image or index that is in a repository, HOST/NAME, a tag.
func Tag(ctx context.Context, path string, o Options, tag, mediaType string, manifest []byte) error {
	r, err := Open(path, o)
	if err != nil {
		return err
	}
	defer r.Close()
	p, err := newPusher(path, o)
	if err != nil {
		return err
	}
	b := attached.NewBlob(mediaType, manifest)
	return r.explain(p.push(ctx, ":"+tag, &b))
}

// A pusher writes to a repository.
type pusher struct {
	path     string
	resolver remotes.Resolver
}

func newPusher(path string, o Options) (*pusher, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	host, repository, _ := strings.Cut(path, "/")
	settings.Credentials = func(string) (user, secret string, err error) {
		login, err := transfer.RegistryLogin(host, repository)
		return login.User, login.Secret, err
	}
	hosts := config.ConfigureHosts(log.WithLogger(context.Background(), silent()), settings)
	return &pusher{path, docker.NewResolver(docker.ResolverOptions{Hosts: hosts})}, nil
}

func silent() *logrus.Entry {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return logrus.NewEntry(logger)
}

// push pushes a blob, or a manifest, which is at ":TAG" or "@DIGEST".
func (p *pusher) push(ctx context.Context, at string, b *attached.Blob) error {
	ctx = log.WithLogger(ctx, silent())
	to, err := p.resolver.Pusher(ctx, p.path+at)
	if err != nil {
		return err
	}
	w, err := to.Push(ctx, b.Descriptor)
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s%s: %w", p.path, at, err)
	}
	defer w.Close()
	in, err := b.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if err := content.Copy(ctx, w, in, b.Size, b.Digest); err != nil && !errdefs.IsAlreadyExists(err) {
		return fmt.Errorf("%s%s: %w", p.path, at, err)
	}
	return nil
}

// list adds referrers to the index at the tag of an image.
func (p *pusher) list(ctx context.Context, r *Repository, image digest.Digest, referrers []v1.Descriptor) error {
	index, err := r.taggedReferrers(ctx, image.String())
	if err != nil {
		return err
	}
	for _, d := range referrers {
		index = slices.DeleteFunc(index, func(old v1.Descriptor) bool { return old.Digest == d.Digest })
		index = append(index, d)
	}
	text, err := json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: index})
	if err != nil {
		return err
	}
	b := attached.NewBlob(v1.MediaTypeImageIndex, text)
	return r.explain(p.push(ctx, ":"+attached.Tag(image, ""), &b))
}

// errNoReferrers says that a registry does not list referrers.
var errNoReferrers = errors.New("the registry does not list referrers")

// Referrers lists the artifacts whose subject is an image, "sha256:…". What it returns is not verified.
func (r *Repository) Referrers(ctx context.Context, image string) ([]v1.Descriptor, error) {
	list, err := r.referrers(ctx, image)
	if errors.Is(err, errNoReferrers) {
		return r.taggedReferrers(ctx, image)
	}
	return list, err
}

// referrers asks the registry: OCI distribution specification 1.1, "Listing Referrers".
func (r *Repository) referrers(ctx context.Context, image string) ([]v1.Descriptor, error) {
	d := transfer.Download{Addresses: r.addresses("/referrers/"+image, docker.HostCapabilityPull, http.Header{"Accept": {v1.MediaTypeImageIndex}}), Size: -1}
	data, header, _, err := r.client.Bytes(ctx, d, maxManifest, nil)
	var status *transfer.StatusError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &status) && status.Status >= 400 && status.Status < 500 && status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden:
		return nil, errNoReferrers
	case err != nil:
		return nil, err
	case !strings.HasPrefix(header.Get("Content-Type"), v1.MediaTypeImageIndex):
		return nil, errNoReferrers
	}
	return manifestsOf(data)
}

// taggedReferrers are those in the index at the image's tag.
func (r *Repository) taggedReferrers(ctx context.Context, image string) ([]v1.Descriptor, error) {
	data, _, _, err := r.Manifest(ctx, strings.ReplaceAll(image, ":", "-"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return manifestsOf(data)
}

func manifestsOf(data []byte) ([]v1.Descriptor, error) {
	var index v1.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, artifact.Verifyf("list of referrers: %w", err)
	}
	return index.Manifests, nil
}
