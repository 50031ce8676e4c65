// Package sbom writes what an image carries as a list of software (software bill of materials, SBOM): SPDX 2.3 or CycloneDX 1.6, in JSON.
//
//	catalog of an image, its licences ──Subject──▶ Write ──▶ minimirror sbom, /sbom of a server, a referrer of the image
//
// The same image has the same SBOM, byte for byte, wherever it is read: dates are the lock's, and identifiers follow from the catalog's
// digest. The digest of the image itself is not in it, since an unpacked image has none; a referrer's subject names it.
//
// Items are read from the catalog while the SBOM is written, and none is kept in memory; what is kept are the licence and the source of each.
package sbom

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/layout"
)

// A Format is a format of SBOMs.
type Format string

// The formats.
const (
	SPDX      Format = "spdx"
	CycloneDX Format = "cyclonedx"
)

// Formats are all formats.
var Formats = []Format{SPDX, CycloneDX}

// ParseFormat reads the name of a format.
func ParseFormat(text string) (Format, error) {
	if f := Format(text); slices.Contains(Formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("%q is not a format: spdx and cyclonedx are", text)
}

// MediaType is the format's, as registered with IANA.
func (f Format) MediaType() string {
	if f == CycloneDX {
		return "application/vnd.cyclonedx+json"
	}
	return "application/spdx+json"
}

// Extension ends the names of files in the format, as its specification recommends.
func (f Format) Extension() string {
	if f == CycloneDX {
		return "cdx.json"
	}
	return "spdx.json"
}

// A Subject is what an SBOM describes.
type Subject struct {
	Name    string    // of the definition
	Date    time.Time // of the lock
	Lock    string    // digest of the lock, "sha256:…"
	Catalog string    // digest of the catalog's head, "sha256:…"
	Sources []artifact.Source
	Kinds   []artifact.Kind
	// EachItem reads all items with all their fields, in the same order every time. It keeps none.
	EachItem func(ctx context.Context, take func(*artifact.Item) error) error

	licences *licences
}

// FromReader is the subject of an image anywhere.
func FromReader(ctx context.Context, r *image.Reader, kinds []artifact.Kind) (*Subject, error) {
	licences, err := r.ReadFile(ctx, layout.LicencesName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return FromCatalog(ctx, r.Reader, kinds, licences)
}

// FromImage is the subject of an open image.
func FromImage(ctx context.Context, img *image.Image, kinds []artifact.Kind) (*Subject, error) {
	licences, err := img.ReadFile(layout.LicencesName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return FromCatalog(ctx, img.Reader, kinds, licences)
}

// FromCatalog is the subject of a catalog, with the content of layout.LicencesName. It is nil for an image of an earlier version, and for one whose items
// state no licences.
func FromCatalog(ctx context.Context, r *catalog.Reader, kinds []artifact.Kind, licences []byte) (*Subject, error) {
	s := &Subject{Name: r.Name, Date: r.Date, Lock: r.Lock, Catalog: r.HeadDigest, Kinds: kinds, EachItem: r.EachItem}
	var err error
	if s.Sources, err = r.Sources(ctx); err != nil {
		return nil, err
	}
	s.licences, err = readLicences(licences)
	return s, err
}

// Write writes the SBOM. Nothing in it is invisible or changes the direction of text: see artifact.Printable.
func (s *Subject) Write(ctx context.Context, w io.Writer, format Format) error {
	l := &lister{Subject: s, carried: map[key]string{}}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	out := newStream(artifact.PrintableWriter(w))
	if format == CycloneDX {
		return l.cycloneDX(ctx, out)
	}
	return l.spdx(ctx, out)
}

// uuid is a UUID of version 8 (RFC 9562, section 5.8) that follows from the catalog's digest.
func (s *Subject) uuid(format Format) string {
	sum := sha256.Sum256([]byte("minimirror sbom " + string(format) + " " + s.Catalog))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// created is the date of everything that is not upstream's.
func (s *Subject) created() string { return s.Date.UTC().Format(time.RFC3339) }

// version is the image's version, which people read.
func (s *Subject) version() string { return s.Date.UTC().Format("20060102T150405Z") }
