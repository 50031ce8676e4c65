package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// Verify checks pins against what upstream signed: each Release must be signed by one
// of the keys, cover its indexes by SHA-256 or SHA-512, and these must list every package
// by such a digest, with the relations and descriptions that the image repeats.
//
// Keys count as they were when upstream dated the Release: an image outlives them.
func Verify(ctx context.Context, pins artifact.Pins, keys []artifact.KeyFile, open func(name string) (io.ReadCloser, error)) (vouched artifact.Vouched, err error) {
	ring := openpgp.Keyring{Where: "--keyring"}
	for _, file := range keys {
		if openpgp.IsMinisign(file.Data) || openpgp.IsPEM(file.Data) {
			continue
		}
		part, err := openpgp.Parse(file.Data, file.Name)
		if err != nil {
			return vouched, fmt.Errorf("--keyring: %w", err)
		}
		ring.Keys = append(ring.Keys, part.Keys...)
	}
	v := &verification{ring: ring, open: open}
	for i := range pins.Sources {
		src := &pins.Sources[i]
		v.listed, v.sums = make(map[string][]listedPackage), make(map[string]string)
		if len(src.Releases) > 0 && !slices.ContainsFunc(src.Releases, func(r artifact.Release) bool { return !IsOwn(&r) }) {
			var items []*artifact.Item
			for j := range pins.Items {
				if pins.Items[j].Source == src.Name {
					items, vouched.Items = append(items, &pins.Items[j]), append(vouched.Items, pins.Items[j].ID())
				}
			}
			for _, a := range items {
				vouched.Unsigned = append(vouched.Unsigned, a.ID())
			}
			line, err := v.own(src, items)
			if err != nil {
				return vouched, err
			}
			vouched.Report = append(vouched.Report, line)
			continue
		}
		for j := range src.Releases {
			line, err := v.release(ctx, src, &src.Releases[j])
			if err != nil {
				return vouched, err
			}
			vouched.Report = append(vouched.Report, line)
		}
		carried := 0
		for j := range pins.Items {
			a := &pins.Items[j]
			if a.Source != src.Name {
				continue
			}
			carried++
			vouched.Items = append(vouched.Items, a.ID())
			if err := v.artifact(a); err != nil {
				return vouched, err
			}
		}
		vouched.Report = append(vouched.Report, fmt.Sprintf("%s: all %d packages are listed there with these digests", src.Name, carried))
	}
	return vouched, nil
}

// A verification is the state of one call of Verify.
type verification struct {
	ring   openpgp.Keyring
	open   func(name string) (io.ReadCloser, error)
	sums   map[string]string          // digests of an installer's images of one source, by path
	listed map[string][]listedPackage // of one source, by SHA-256, or SHA-512 if there is no SHA-256
}

// A listedPackage is what an index says of a package: the lines of its stanza.
type listedPackage struct {
	name, version, architecture, size, stanza string
	udeb                                      bool
}

// release follows one suite from its signature to its indexes.
func (v *verification) release(ctx context.Context, src *artifact.Source, r *artifact.Release) (line string, err error) {
	folder := deb822.Dists(r.Name)
	fail := func(file string, err error) (string, error) {
		return "", artifact.Verifyf("debian: %s: %w", path.Join(artifact.UpstreamRoot, src.Name, file), err)
	}
	contents, signed := make(map[string][]byte), path.Join(folder, "InRelease")
	for i := range r.Proofs {
		p := &r.Proofs[i]
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if contents[p.Path], err = v.read(src, p); err != nil {
			return fail(p.Path, err)
		}
	}
	if contents[signed] == nil {
		signed = path.Join(folder, "Release")
	}
	if contents[signed] == nil {
		return "", artifact.Hint(artifact.Verifyf("debian: source %s: suite %s: the image does not hold what upstream signed", src.Name, r.Name),
			"the definition left it out (upstream: omit), or an older program built the image")
	}
	said, err := v.signed(contents[signed], contents[path.Join(folder, "Release.gpg")])
	if err == nil && deb822.SHA256(contents[signed]) != r.SHA256 {
		err = fmt.Errorf("sha256 mismatch: the image says that its packages come from %s", r.SHA256)
	}
	if err != nil {
		return fail(signed, err)
	}
	for _, p := range r.Proofs {
		name := p.Path
		if folder != "." {
			name = strings.TrimPrefix(name, folder+"/")
		}
		if slices.Contains([]string{"InRelease", "Release", "Release.gpg"}, name) {
			continue
		}
		if err := v.index(said, folder, name, contents[p.Path]); err != nil {
			return fail(p.Path, err)
		}
	}
	of := "of " + said.date.Format(time.RFC3339)
	if said.undated != nil {
		of = "without a date, signed at " + said.Made.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %s: %s, signed by %s", src.Name, r.Name, of, strings.Join(said.Signers, ", ")), nil
}

// signed reads a Release whose signature is good, today or as of the day when it was
// made. detached is nil for an InRelease.
func (v *verification) signed(data, detached []byte) (r *Release, err error) {
	r = &Release{}
	check := func(now time.Time) (text []byte, err error) {
		if detached == nil {
			text, r.Signature, err = v.ring.VerifyInline(data, now)
			return text, err
		}
		r.Signature, err = v.ring.VerifyDetached(data, detached, now)
		return data, err
	}
	text, err := check(time.Now())
	if err != nil {
		text, err = check(time.Time{})
	}
	if err != nil {
		return nil, artifact.Hint(err, "name the keyring of every source of the image; --keyring may be repeated")
	}
	return r, r.Parse(text)
}

func (v *verification) read(src *artifact.Source, p *artifact.Proof) ([]byte, error) {
	f, err := v.open(src.ProofID(p))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, p.Size+1))
	if err != nil {
		return nil, err
	}
	if got := deb822.SHA256(data); got != p.SHA256 {
		return nil, fmt.Errorf("sha256 mismatch: got %s, want %s", got, p.SHA256)
	}
	return data, nil
}

// index reads an index that the release covers.
func (v *verification) index(r *Release, folder, name string, data []byte) error {
	want, covered := r.Files[name]
	if !covered {
		return errors.New("the signed Release does not name it")
	}
	if err := want.VerifyData(data); err != nil {
		return fmt.Errorf("it does not match the signed Release: %w", err)
	}
	if !isIndex(name, "Packages") && !isIndex(name, "Sources") && !isIndex(name, "SHA256SUMS") {
		return nil // it is about packages that others list
	}
	data, err := r.decode(name, data)
	if err != nil {
		return err
	}
	if isIndex(name, "SHA256SUMS") {
		for sha256, file := range deb822.Sums(string(data)) {
			v.sums[path.Join(folder, path.Dir(name), file)] = sha256
		}
		return nil
	}
	if isIndex(name, "Sources") {
		v.sources(string(data))
		return nil
	}
	x, udebs := deb822.NewPackagesIndex(deb822.Origin{}, data), deb822.IsUdebIndex(name)
	x.Scan(func(s *deb822.Stanza, err error) {
		if err == nil {
			v.listed[s.Digest()] = append(v.listed[s.Digest()], listedPackage{s.Name, s.Version, s.Architecture, s.Size, x.Text[s.Start:s.End], udebs})
		}
	})
	return nil
}

// decode returns what an encoded index holds. If the release lists the decoded index too, extra bytes after it are ignored, as
// in a download.
func (r *Release) decode(name string, data []byte) ([]byte, error) {
	for _, e := range encodings {
		plain, found := strings.CutSuffix(name, e.suffix)
		if e.suffix == "" || !found {
			continue
		}
		decoder, err := e.decode(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		defer decoder.Close()
		want, known := r.Files[plain]
		if known && want.Size <= maxIndex {
			data = make([]byte, want.Size)
			if _, err := io.ReadFull(decoder, data); err != nil {
				return nil, err
			}
			return data, want.VerifyData(data)
		}
		if data, err = io.ReadAll(io.LimitReader(decoder, maxIndex+1)); err != nil {
			return nil, err
		}
		if len(data) > maxIndex {
			return nil, fmt.Errorf("it is larger than %d bytes", maxIndex)
		}
	}
	return data, nil
}

const maxIndex = 512 << 20 // bytes, decoded

// artifact wants a package to be listed as it is carried.
func (v *verification) artifact(a *artifact.Item) error {
	if deb822.IsInstaller(a) {
		return v.installer(a)
	}
	if deb822.IsSource(a) {
		return v.source(a)
	}
	listed := v.listed[a.Files[0].SHA256]
	if digest := deb822.SignedSHA512(a); digest != "" && len(listed) == 0 {
		want := a.Files[0].Content()
		want.SHA512 = digest
		f, err := v.open(a.FileID(&a.Files[0]))
		if err == nil {
			err = want.VerifyFile(f)
		}
		if err != nil {
			return artifact.Verifyf("debian: %s: %w", a.ID(), err)
		}
		listed = v.listed[digest]
	}
	if len(listed) == 0 {
		return artifact.Verifyf("debian: %s: no signed index lists a package with its sha256 %s", a.ID(), a.Files[0].SHA256)
	}
	says := deb822.StanzaOf(deb822.MetadataText(a)) // older versions of this program had other ownFields
	for _, l := range listed {
		size, err := deb822.ParseSize(l.size)
		if err == nil && size == a.Files[0].Size && strings.EqualFold(l.name, a.Name) && l.version == a.Version && l.architecture == a.Architecture() &&
			l.udeb == deb822.IsUdeb(a) && slices.Equal(deb822.StanzaOf(l.stanza), says) {
			return nil
		}
	}
	l := listed[0]
	return artifact.Verifyf("debian: %s: the image says of it what the signed index does not: there it is %s %s (%s), %s bytes, or its other fields differ", a.ID(), l.name, l.version, l.architecture, l.size)
}
