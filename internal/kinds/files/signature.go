package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// checksums say where a folder's list is, and what vouches for it.
type checksums struct {
	section   artifact.Section
	file      string // below the folder
	signature string // below the folder; empty: the list is a signed text, or there is none
	keys      keys
	content   artifact.Content // of the list, without a signature
}

// keys are the public keys that may sign a list.
type keys struct {
	openpgp  openpgp.Keyring
	minisign []minisign.PublicKey
}

func (k *keys) none() bool { return len(k.openpgp.Keys) == 0 && len(k.minisign) == 0 }

// checksumsSpec is the value of "checksums" as it is written.
type checksumsSpec struct {
	File      string `yaml:"file"`
	Signature string `yaml:"signature"`
	SignedBy  string `yaml:"signed-by"`
	SHA256    string `yaml:"sha256"`
	SHA512    string `yaml:"sha512"`
}

// parseFolder reads the keys of a folder on the web.
func (s *source) parseFolder(raw sourceSpec) error {
	if raw.Checksums == nil {
		return artifact.Hint(s.errorf("checksums is missing: without it, the files cannot be verified"),
			"add: checksums: { file: SHA256SUMS, signature: SHA256SUMS.gpg, signed-by: keys/%s.asc }", s.name)
	}
	if s.take == nil {
		return artifact.Hint(s.errorf("take is missing: which files of the list are carried?"), `add: take: ["*.tar.gz"], or take: ["**"] for all`)
	}
	var spec checksumsSpec
	if err := raw.Checksums.Decode(&spec); err != nil {
		return err
	}
	s.list = checksums{section: raw.Checksums, file: spec.File, signature: spec.Signature,
		content: artifact.Content{Size: -1, SHA256: strings.ToLower(spec.SHA256), SHA512: strings.ToLower(spec.SHA512)}}
	if err := s.checkDigests(s.list.content, "checksums: "); err != nil {
		return err
	}
	switch {
	case spec.File == "":
		return artifact.Hint(s.errorf("checksums: file is missing: the name of the list below %s", s.address), "add: file: SHA256SUMS")
	case !artifact.ValidPath(spec.File) || spec.Signature != "" && !artifact.ValidPath(spec.Signature):
		return s.errorf("checksums: file and signature are names below %s", s.address)
	case spec.Signature != "" && spec.SignedBy == "":
		return artifact.Hint(s.errorf("checksums: signed-by is missing: who signs %s?", spec.File), "add: signed-by: keys/%s.asc", s.name)
	}
	if spec.SignedBy == "" {
		return nil
	}
	var err error
	if s.list.keys, err = readKeys(spec.SignedBy, s.dir); err != nil {
		return s.list.section.Errorf("signed-by: %w", err)
	}
	return nil
}

// readKeys reads a file of keys, or keys that stand in the definition themselves.
func readKeys(text, dir string) (k keys, err error) {
	data, where, err := openpgp.KeyText(text, dir)
	if errors.Is(err, os.ErrNotExist) {
		return k, artifact.Hint(err, "name a file with the public key, of OpenPGP or minisign, relative to the definition's folder, or put the key itself here")
	}
	if err != nil {
		return k, err
	}
	return k, k.add(data, where)
}

// add reads OpenPGP keys, or one of minisign. where is for errors.
func (k *keys) add(data []byte, where string) error {
	if !openpgp.IsMinisign(data) {
		ring, err := openpgp.Parse(data, where)
		if err != nil {
			return err
		}
		if k.openpgp.Where != "" {
			where = k.openpgp.Where + ", " + where
		}
		k.openpgp.Keys, k.openpgp.Where = append(k.openpgp.Keys, ring.Keys...), where
		return nil
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText(bytes.TrimSpace(data)); err != nil {
		return artifact.Hint(fmt.Errorf("%s: not a public key of minisign: %w", where, err), "name the file that minisign -G wrote as minisign.pub")
	}
	k.minisign = append(k.minisign, key)
	return nil
}

// A signed is a list of checksums that somebody vouches for.
type signed struct {
	list   sums
	by     []string  // fingerprints of OpenPGP keys, or numbers of minisign's
	format string    // one of the formats
	made   time.Time // when it was signed; zero: nobody says
}

const (
	formatOpenPGP  = "openpgp"
	formatMinisign = "minisign"
)

// verify checks the signature of a list. signature is nil for a signed text. Where now is zero, keys count as they were
// when each signature was made.
func (k *keys) verify(list, signature []byte, now time.Time) (s signed, err error) {
	text := list
	switch {
	case signature == nil:
		var by openpgp.Signature
		if text, by, err = k.openpgp.VerifyInline(list, now); err != nil {
			return s, err
		}
		s.by, s.made, s.format = by.Signers, by.Made, formatOpenPGP
	case bytes.HasPrefix(bytes.TrimSpace(signature), []byte("untrusted comment:")):
		if s, err = k.verifyMinisign(list, signature, now); err != nil {
			return s, err
		}
	default:
		by, err := k.openpgp.VerifyDetached(list, signature, now)
		if err != nil {
			return s, err
		}
		s.by, s.made, s.format = by.Signers, by.Made, formatOpenPGP
	}
	if s.list, err = parseSums(text); err != nil {
		return s, artifact.Verifyf("%w", err)
	}
	return s, nil
}

// verifyMinisign checks a signature of minisign, of which one key is in use. Its trusted comment says when it was made.
func (k *keys) verifyMinisign(text, signature []byte, now time.Time) (s signed, err error) {
	var parsed minisign.Signature
	if err := parsed.UnmarshalText(signature); err != nil {
		return s, artifact.Verifyf("its signature is damaged: %w", err)
	}
	for _, key := range k.minisign {
		if key.ID() != parsed.KeyID {
			continue
		}
		if !minisign.Verify(key, text, signature) {
			return s, artifact.Verifyf("the signature of key %X is wrong: %w", parsed.KeyID, openpgp.ErrChanged)
		}
		s.by, s.format = []string{fmt.Sprintf("%016X", parsed.KeyID)}, formatMinisign
		for word := range strings.FieldsSeq(parsed.TrustedComment) {
			if seconds, found := strings.CutPrefix(word, "timestamp:"); found {
				if n, err := strconv.ParseInt(seconds, 10, 64); err == nil && n > 0 && n < 1<<33 {
					s.made = time.Unix(n, 0).UTC()
				}
			}
		}
		if !now.IsZero() && s.made.Sub(now) > maxFuture {
			return s, artifact.Verifyf("the signature was made at %s, but this machine's clock says %s", s.made.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
		return s, nil
	}
	return s, artifact.Verifyf("%w: key %X is not among those of signed-by", openpgp.ErrUnsigned, parsed.KeyID)
}

const maxFuture = 10 * time.Second // of two clocks
