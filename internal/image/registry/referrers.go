package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
	"github.com/minimirror/minimirror/internal/transfer"
)

// errNoReferrers says that a registry does not list referrers.
var errNoReferrers = errors.New("the registry does not list referrers")

// maxReferrers is how many referrers one manifest may have.
const maxReferrers = 100_000

// Referrers lists the artifacts whose subject is a manifest, "sha256:…". What it returns is not verified.
func (r *Repository) Referrers(ctx context.Context, subject string) ([]v1.Descriptor, error) {
	list, err := r.referrers(ctx, subject)
	if errors.Is(err, errNoReferrers) {
		return r.taggedReferrers(ctx, subject)
	}
	return list, err
}

// ListedReferrers is as Referrers, but of the registry's own list alone, not of that at a tag. listed: the registry has such lists.
func (r *Repository) ListedReferrers(ctx context.Context, subject string) (all []v1.Descriptor, listed bool, err error) {
	all, err = r.referrers(ctx, subject)
	if errors.Is(err, errNoReferrers) {
		return nil, false, nil
	}
	return all, err == nil, err
}

// referrers asks the registry: OCI distribution specification 1.1, "Listing Referrers".
func (r *Repository) referrers(ctx context.Context, subject string) (all []v1.Descriptor, err error) {
	if r.host.silent.isKnown() {
		return nil, errNoReferrers
	}
	err = r.host.pages(ctx, "/"+r.name+"/referrers/"+subject, http.Header{"Accept": {v1.MediaTypeImageIndex}}, func(first bool, data []byte, header http.Header) (bool, error) {
		if first {
			all = nil
			switch kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); kind {
			case v1.MediaTypeImageIndex:
			case "text/html":
				return false, artifact.Verifyf("it is not a list of referrers, but a web page: is there a portal that requires a login?")
			default:
				return false, errNoReferrers
			}
		}
		page, err := manifestsOf(data)
		if all = append(all, page...); len(all) > maxReferrers {
			err = artifact.Verifyf("%s: more than %d artifacts are attached to it", subject, maxReferrers)
		}
		return len(page) > 0, err
	})
	if err == nil || !refused(err) {
		return all, err
	}
	return nil, r.host.silent.confirm(func() error {
		_, _, _, err := r.host.client.Bytes(ctx, transfer.Download{Addresses: r.host.lists("/"+r.name+"/referrers/"+noManifest(), http.Header{"Accept": {v1.MediaTypeImageIndex}}), Size: -1}, maxManifest, nil)
		return err
	}, err)
}

// refused reports whether an answer may be that of a registry that does not know the request.
func refused(err error) bool {
	var status *transfer.StatusError
	if errors.Is(err, errNoReferrers) || errors.Is(err, fs.ErrNotExist) {
		return true
	}
	return errors.As(err, &status) && status.Status >= 400 && status.Status < 500 &&
		status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden && status.Status != http.StatusTooManyRequests && status.Status != http.StatusRequestTimeout
}

// A silence says whether a registry lacks lists of referrers.
type silence struct {
	mu    sync.Mutex
	known bool // it does
}

func (s *silence) isKnown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// confirm finds out whether a refusal means that the registry does not know the request: one that does sends an empty list even for a manifest that
// nobody has. Then the refusal is an error, and not "nothing is attached".
func (s *silence) confirm(ask func() error, first error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		return errNoReferrers
	}
	switch err := ask(); {
	case err == nil && errors.Is(first, errNoReferrers): // a page of another kind for every address
		s.known = true
	case err == nil:
		return fmt.Errorf("the registry lists what is attached to other manifests, but not to this one: %w", transfer.Present(first))
	case refused(err):
		s.known = true
	default:
		return err
	}
	return errNoReferrers
}

// noManifest is a digest that no registry has a manifest of.
func noManifest() string { return digest.FromString("minimirror: a manifest that nobody has").String() }

// taggedReferrers are those in the index at the manifest's tag.
func (r *Repository) taggedReferrers(ctx context.Context, subject string) ([]v1.Descriptor, error) {
	data, _, _, err := r.Manifest(ctx, attached.Tag(digest.Digest(subject), ""))
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
	for _, d := range index.Manifests {
		if err := d.Digest.Validate(); err != nil {
			return nil, artifact.Verifyf("list of referrers: digest %q: %w", artifact.Printable(d.Digest.String()), err)
		}
	}
	return index.Manifests, nil
}
