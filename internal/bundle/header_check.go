package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/content"
)

// Limits of what a header may list, far above what people carry.
const (
	maxBlobs = 1_000_000
	maxName  = 512 // bytes
)

// PlanID is the id of a bundle: see the package's comment.
func (h *Header) PlanID() (string, error) {
	plan := struct {
		Format   string
		Name     string
		Form     string
		PartSize int64
		Images   []content.Image
		Blobs    []content.Blob
		Base     []digest.Digest
	}{Format: "minimirror bundle 1", Name: h.Name, Form: h.Form, PartSize: h.PartSize, Images: h.Images, Blobs: h.Blobs}
	if h.Base != nil {
		for _, b := range h.Base.Blobs {
			plan.Base = append(plan.Base, b.Digest)
		}
	}
	text, err := json.Marshal(plan)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// check checks what Plan does not.
func (h *Header) check() error {
	if _, err := h.Time(); err != nil {
		return err
	}
	id, err := h.PlanID()
	switch {
	case err != nil:
		return err
	case h.ID != id:
		return fmt.Errorf("the id is %q, and what it lists has %s", h.ID, id)
	case h.Sequence < 1:
		return fmt.Errorf("sequence %d", h.Sequence)
	case h.Name == "" || !validName(h.Name):
		return fmt.Errorf("name %q", h.Name)
	case h.Encryption != "" && h.Encryption != Age && h.Encryption != OpenPGP:
		return fmt.Errorf("encryption %q", h.Encryption)
	case (h.Encryption == "") != (len(h.Recipients) == 0):
		return fmt.Errorf("encryption %q, and %d recipients", h.Encryption, len(h.Recipients))
	}
	for _, r := range h.Recipients {
		if r == "" || !validName(r) {
			return fmt.Errorf("recipient %q", r)
		}
	}
	if err := h.checkBlobs(); err != nil {
		return err
	}
	if err := h.checkParts(); err != nil {
		return err
	}
	return h.checkParity()
}

func validName(name string) bool {
	return len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// checkBlobs wants every blob once, and the manifest of every image.
func (h *Header) checkBlobs() error {
	if len(h.Images) == 0 {
		return errors.New("no images")
	}
	seen := make(map[digest.Digest]bool, len(h.Blobs))
	for _, b := range h.Blobs {
		switch err := content.CheckBlob(b); {
		case err != nil:
			return err
		case seen[b.Digest]:
			return fmt.Errorf("the blob %s is listed twice", b.Digest)
		case b.Image < 0 || b.Image >= len(h.Images):
			return fmt.Errorf("the blob %s is of image %d", b.Digest, b.Image)
		}
		seen[b.Digest] = true
	}
	if h.Base != nil {
		if len(h.Base.Blobs) == 0 {
			return errors.New("a base without blobs")
		}
		last := digest.Digest("")
		for _, b := range h.Base.Blobs {
			switch err := content.CheckBlob(b); {
			case err != nil:
				return err
			case seen[b.Digest]:
				return fmt.Errorf("the blob %s is carried, and left out", b.Digest)
			case b.Digest <= last:
				return fmt.Errorf("the base is not sorted at %s", b.Digest)
			case b.Image < 0 || b.Image >= len(h.Images):
				return fmt.Errorf("the blob %s is of image %d", b.Digest, b.Image)
			}
			seen[b.Digest], last = true, b.Digest
		}
	}
	for _, im := range h.Images {
		if !seen[im.Digest] {
			return fmt.Errorf("the manifest of the image %s is neither carried nor in the base", im.Title())
		}
		if im.Name != "" && !validName(im.Name) {
			return fmt.Errorf("image name %q", im.Name)
		}
		if im.Subject != "" && im.Subject.Validate() != nil {
			return fmt.Errorf("image %s: subject %q", im.Title(), string(im.Subject))
		}
	}
	return nil
}

func (h *Header) checkParts() error {
	plan, err := h.Plan()
	if err != nil {
		return err
	}
	if h.PartCount != len(plan.Parts) {
		return fmt.Errorf("%d parts, and what it lists has %d", h.PartCount, len(plan.Parts))
	}
	last := 0
	for _, p := range h.Parts {
		switch {
		case p.Number <= last || p.Number > h.PartCount:
			return fmt.Errorf("part %d: the number is repeated, out of order, or not from 1 to %d", p.Number, h.PartCount)
		case p.Name != plan.Parts[p.Number-1].Name:
			return fmt.Errorf("part %d: named %q, want %q", p.Number, p.Name, plan.Parts[p.Number-1].Name)
		case p.Clear.Size != plan.Parts[p.Number-1].Size:
			return fmt.Errorf("part %d: %d bytes in the clear, want %d", p.Number, p.Clear.Size, plan.Parts[p.Number-1].Size)
		case !artifact.ValidSHA256(p.SHA256) || !artifact.ValidSHA256(p.Clear.SHA256):
			return fmt.Errorf("part %d: a sha256 is not 64 hexadecimal digits", p.Number)
		case p.Medium < 0:
			return fmt.Errorf("part %d: on medium %d", p.Number, p.Medium)
		case h.Encryption == "" && (p.Size != p.Clear.Size || p.SHA256 != p.Clear.SHA256):
			return fmt.Errorf("part %d: not encrypted, but different in the clear", p.Number)
		case p.Size < p.Clear.Size:
			return fmt.Errorf("part %d: %d bytes, less than the %d in the clear", p.Number, p.Size, p.Clear.Size)
		case h.Form == "" && p.Size > h.PartSize:
			return fmt.Errorf("part %d: %d bytes, more than %d", p.Number, p.Size, h.PartSize)
		}
		last = p.Number
	}
	return nil
}
