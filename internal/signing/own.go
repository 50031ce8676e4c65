package signing

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
)

// born is the creation time of keys made here: gpgv refuses signatures that
// are older than their key, and a lock's date may lie years back.
var born = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// OwnFile is the file of this user's own key: $XDG_CONFIG_HOME/minimirror/signing-key.asc.
func OwnFile() (string, error) {
	base, err := os.UserConfigDir()
	return filepath.Join(base, "minimirror", "signing-key.asc"), err
}

// Own returns this user's own key, which is in OwnFile, and makes it when there is none. made is then the file. The key must be
// valid now.
func Own(now time.Time) (key *Key, made string, err error) {
	file, err := OwnFile()
	if err != nil {
		return nil, "", artifact.Hint(fmt.Errorf("signing key: %w", err), "give one with --sign-key, or set XDG_CONFIG_HOME")
	}
	if _, err := os.Stat(file); err == nil {
		key, err = Read(file, now)
		return key, "", err
	}
	switch err := create(file); {
	case err == nil:
		made = file
	case !errors.Is(err, fs.ErrExist): // else another process was faster: use its key
		return nil, "", artifact.Hint(fmt.Errorf("signing key: %w", err), "give one with --sign-key, or set XDG_CONFIG_HOME to a folder that you may write to")
	}
	key, err = Read(file, now)
	return key, made, err
}

// create makes a new key; the file appears whole or not at all, and never
// replaces another.
func create(file string) error {
	armored, err := generate()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteNew(file, armored, 0o600)
}

func generate() ([]byte, error) {
	entity, err := openpgp.NewEntity("miniMirror", "signing key of this mirror's builder", "", &packet.Config{
		Algorithm:   packet.PubKeyAlgoEdDSA,
		Curve:       packet.Curve25519,
		DefaultHash: crypto.SHA512,
		Time:        func() time.Time { return born },
	})
	if err != nil {
		return nil, err
	}
	entity.Subkeys = nil // an encryption key has no use here
	return armored(openpgp.PrivateKeyType, func(w io.Writer) error { return entity.SerializePrivate(w, nil) })
}
