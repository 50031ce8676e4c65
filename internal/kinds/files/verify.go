package files

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// VerifyUpstream implements artifact.Verifier: a list of checksums that the definition has a key for must be signed by one
// of the keys, and have each file as it is carried. What nobody has signed is reported with what stands for it instead.
//
// Keys count as they were when the list was signed: an image outlives them.
func (Kind) VerifyUpstream(ctx context.Context, pins artifact.Pins, files []artifact.KeyFile, open func(name string) (io.ReadCloser, error)) (vouched artifact.Vouched, err error) {
	var ring keys
	ring.openpgp.Where = "--keyring"
	for _, file := range files {
		if openpgp.IsPEM(file.Data) {
			continue
		}
		if err := ring.add(file.Data, file.Name); err != nil {
			return vouched, fmt.Errorf("--keyring: %w", err)
		}
	}
	for i := range pins.Sources {
		if err := ctx.Err(); err != nil {
			return vouched, err
		}
		v := &verification{ring: ring, open: open, source: &pins.Sources[i]}
		for at := range pins.Items {
			if pins.Items[at].Source == v.source.Name {
				v.items = append(v.items, &pins.Items[at])
			}
		}
		line, err := v.verify()
		if err != nil {
			return vouched, artifact.Verifyf("files: source %s: %w", v.source.Name, err)
		}
		vouched.Report = append(vouched.Report, v.source.Name+": "+line)
		signed := slices.ContainsFunc(v.source.Releases, func(r artifact.Release) bool { return len(r.Proofs) > 0 })
		for _, item := range v.items {
			vouched.Items = append(vouched.Items, item.ID())
			if !signed {
				vouched.Unsigned = append(vouched.Unsigned, item.ID())
			}
		}
	}
	return vouched, nil
}

// A verification is a VerifyUpstream at work on one source.
type verification struct {
	ring   keys
	open   func(name string) (io.ReadCloser, error)
	source *artifact.Source
	items  []*artifact.Item
}

// verify says what vouches for the items of the source.
func (v *verification) verify() (line string, err error) {
	for i := range v.source.Releases {
		r := &v.source.Releases[i]
		switch {
		case len(r.Proofs) > 0:
			return v.signed(r)
		case metadata(r.Metadata, keyFrom) == string(fromHelm):
			return fmt.Sprintf("%d charts by the digests of %s, which upstream does not sign", len(v.items), r.URL), nil
		case metadata(r.Metadata, keyFrom) == string(fromFolder):
			return fmt.Sprintf("%s by the list %s, which upstream does not sign, with the SHA-256 that the definition gives: %s", count(len(v.items)), r.URL, r.SHA256), nil
		}
	}
	for _, item := range v.items {
		switch from := metadata(item.Metadata, keyFrom); from {
		case string(fromURL):
			return count(len(v.items)) + " by the digest that the definition gives", nil
		case string(fromPath):
			return fmt.Sprintf("%s of this site, from %s, by their digests when they were locked", count(len(v.items)), strings.Join(v.source.URLs, ", ")), nil
		default:
			return "", fmt.Errorf("%s: the image does not say how it was verified", item)
		}
	}
	return "no files", nil
}

func count(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// signed follows a list of checksums from its signature to the files.
func (v *verification) signed(r *artifact.Release) (line string, err error) {
	var contents [][]byte
	for i := range r.Proofs {
		data, err := readAll(v.open, v.source.ProofID(&r.Proofs[i]))
		if err != nil {
			return "", err
		}
		if got := contentOf(data); got.SHA256 != r.Proofs[i].SHA256 {
			return "", fmt.Errorf("%s: sha256 mismatch: got %s, want %s", r.Proofs[i].Path, got.SHA256, r.Proofs[i].SHA256)
		}
		contents = append(contents, data)
	}
	var signature []byte
	if len(contents) > 1 {
		signature = contents[1]
	}
	if contentOf(contents[0]).SHA256 != r.SHA256 {
		return "", fmt.Errorf("%s: it is not the list that the image names for its files", r.Proofs[0].Path)
	}
	said, err := v.ring.verify(contents[0], signature, time.Now())
	if err != nil {
		said, err = v.ring.verify(contents[0], signature, time.Time{})
	}
	if err != nil {
		return "", artifact.Hint(fmt.Errorf("%s: %w", r.Proofs[0].Path, err), "name the keyring of every source of the image; --keyring may be repeated")
	}
	for _, item := range v.items {
		if err := v.item(said.list, item); err != nil {
			return "", fmt.Errorf("%s: %w", item.ID(), err)
		}
	}
	of := "without a date"
	if !said.made.IsZero() {
		of = "of " + said.made.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s by %s %s, signed by %s (%s)", count(len(v.items)), r.Name, of, strings.Join(said.by, ", "), said.format), nil
}

// item wants the list to have a file as it is carried.
func (v *verification) item(list sums, item *artifact.Item) error {
	for i := range item.Files {
		f := &item.Files[i]
		want, listed := list[f.Path]
		switch {
		case !listed || !want.Identified():
			return fmt.Errorf("the signed list does not have it")
		case want.SHA256 != "" && want.SHA256 != f.SHA256:
			return fmt.Errorf("sha256 mismatch: the signed list says %s", want.SHA256)
		case want.SHA256 != "":
			continue
		}
		want.Size = f.Size
		content, err := v.open(item.FileID(f))
		if err == nil {
			err = want.VerifyFile(content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
