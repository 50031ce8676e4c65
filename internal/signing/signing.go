// Package signing makes the OpenPGP signatures with which a mirror vouches for
// what it generates. Its keys are the user's: read from files, or made once
// and kept in the user's configuration folder. They never enter an image. Several
// keys may sign at once, so that clients that know one of them go on while another takes its place.
package signing

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Key can sign.
type Key struct {
	file    string
	entity  *openpgp.Entity
	signing openpgp.Key // the key of entity that signs: the primary key or a subkey
}

// Read returns the private key in the file, armored or binary. It must be valid now.
func Read(file string, now time.Time) (*Key, error) {
	data, err := artifact.ReadFile(file)
	if err != nil {
		err = fmt.Errorf("signing key: %w", err)
		if own, ownErr := OwnFile(); errors.Is(err, fs.ErrNotExist) && ownErr == nil && file != own {
			err = artifact.Hint(err, "minimirror build without --sign-key takes this user's own key, which it makes once: %s", own)
		}
		return nil, err
	}
	key, err := parse(data, now)
	var hint *artifact.HintError
	if err != nil {
		err = fmt.Errorf("signing key %s: %w", file, err)
		if !errors.As(err, &hint) {
			err = artifact.Hint(err, "name a file with one unencrypted OpenPGP private key, as written by: gpg --armor --export-secret-keys KEYID")
		}
		return nil, err
	}
	key.file = file
	return key, nil
}

func parse(data []byte, now time.Time) (*Key, error) {
	oneEach := func(n int) error {
		return artifact.Hint(fmt.Errorf("%d keys, want one", n), "write each key into a file of its own, and repeat --sign-key")
	}
	if n := bytes.Count(data, []byte("-----BEGIN PGP")); n > 1 {
		return nil, oneEach(n)
	}
	read := openpgp.ReadKeyRing
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	entities, err := read(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("not an OpenPGP key: %w", err)
	case len(entities) > 1:
		return nil, oneEach(len(entities))
	case len(entities) == 0:
		return nil, errors.New("there is no key in it")
	}
	key := &Key{entity: entities[0]}
	var ok bool
	if key.signing, ok = key.entity.SigningKey(now); !ok {
		return nil, unusable(key.entity, now)
	}
	signer := key.signing
	switch {
	case signer.PrivateKey == nil:
		return nil, errors.New("only the public part is in it")
	case signer.PrivateKey.Encrypted:
		return nil, errors.New("it is protected by a passphrase")
	}
	if bits, err := signer.PublicKey.BitLength(); err == nil && bits < 2048 && signer.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSA {
		return nil, fmt.Errorf("an RSA key of %d bits is too weak: clients refuse it", bits)
	}
	switch signer.PublicKey.PubKeyAlgo {
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoECDSA:
		return nil, errors.New("a DSA or ECDSA key signs differently each time: images would not repeat; use Ed25519 or RSA")
	}
	return key, nil
}

// unusable is why a key cannot sign now.
func unusable(e *openpgp.Entity, now time.Time) error {
	info := infoOf(e)
	switch self, _ := e.PrimarySelfSignature(); {
	case self == nil:
		return errors.New("it has no good signature of its own")
	case e.Revoked(now):
		return artifact.Hint(fmt.Errorf("key %s is revoked", info.Fingerprint), "take another key")
	case info.From.After(now):
		return artifact.Hint(fmt.Errorf("key %s is valid from %s on; this machine's clock says %s", info.Fingerprint, moment(info.From), moment(now)), "set the clock, or take another key")
	case info.Expired(now):
		return artifact.Hint(fmt.Errorf("key %s expired on %s: clients refuse what it signs", info.Fingerprint, moment(info.Expires)),
			"take another key; or extend it with gpg --quick-set-expire %s 5y, export it again, and give clients the new minimirror.sources", info.Fingerprint)
	}
	return errors.New("the key cannot sign")
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// Keys sign together. There is at least one; they are sorted by fingerprint, each once.
type Keys []*Key

// NewKeys sorts keys. The same key twice is an error.
func NewKeys(keys ...*Key) (Keys, error) {
	all := slices.Clone(keys)
	slices.SortFunc(all, func(a, b *Key) int { return strings.Compare(a.Fingerprint(), b.Fingerprint()) })
	for i := range all {
		if i > 0 && all[i].Fingerprint() == all[i-1].Fingerprint() {
			return nil, fmt.Errorf("signing key %s is given twice: in %s and in %s", all[i].Fingerprint(), all[i-1].file, all[i].file)
		}
	}
	return all, nil
}

// ReadAll reads the key of each file; see Read.
func ReadAll(files []string, now time.Time) (Keys, error) {
	var keys []*Key
	for _, file := range files {
		key, err := Read(file, now)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return NewKeys(keys...)
}

// Fingerprint is that of the primary key: upper-case hexadecimal digits.
func (k *Key) Fingerprint() string { return fingerprint(k.entity) }

// Infos describe the keys.
func (k Keys) Infos() (all []Info) {
	for _, key := range k {
		all = append(all, newInfo(key.entity, binding{key.signing.PublicKey, key.signing.SelfSignature}))
	}
	return all
}

func (k Keys) has(fingerprint string) bool {
	return slices.ContainsFunc(k, func(key *Key) bool { return key.Fingerprint() == fingerprint })
}

// CheckFor refuses keys that clients with these keys do not know. others are those of the clients' keys that do not sign.
func (k Keys) CheckFor(clients []Info) (others []Info, err error) {
	var known []string
	for _, info := range clients {
		known = append(known, info.Fingerprint)
		if !k.has(info.Fingerprint) {
			others = append(others, info)
		}
	}
	for _, key := range k {
		if !slices.Contains(known, key.Fingerprint()) {
			return nil, fmt.Errorf("signing key %s: key %s did not build this image, but %s: clients would refuse what it signs", key.file, key.Fingerprint(), strings.Join(known, " and "))
		}
	}
	return others, nil
}
