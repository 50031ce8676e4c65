// Package seal encrypts the parts of a bundle, each by itself, with age or OpenPGP.
package seal

import (
	"errors"
	"io"
)

// A Sealer encrypts parts.
type Sealer interface {
	// Encryption is "age" or "openpgp".
	Encryption() string
	// Recipients names those who can decrypt, without secrets.
	Recipients() []string
	// Seal encrypts what is written until Close, which does not close w.
	Seal(w io.Writer) (io.WriteCloser, error)
	// Size is how many bytes a part has when it is encrypted; -1: that is not known before.
	Size(clear int64) int64
}

// An Opener decrypts parts.
type Opener interface {
	// Encryption is "age" or "openpgp".
	Encryption() string
	// Open decrypts. The error of the reader at the end says whether the content was changed; what it returns before may be used only if it is
	// verified otherwise. ErrNoIdentity says that none of the identities can decrypt.
	Open(r io.Reader) (io.Reader, error)
}

// A KeyFile is a file with keys.
type KeyFile struct {
	Name string // for errors
	Data []byte
}

// ErrNoIdentity is the error for content that is encrypted for others.
var ErrNoIdentity = errors.New("none of the identities can decrypt it")
