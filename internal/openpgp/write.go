package openpgp

import (
	"bytes"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// Armored writes the public keys of the ring as Parse reads them, in one armored block (RFC 9580, section 6.2).
func (k Keyring) Armored() ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	if err != nil {
		return nil, err
	}
	for _, entity := range k.Keys {
		err = errors.Join(err, entity.Serialize(w))
	}
	err = errors.Join(err, w.Close())
	out.WriteByte('\n')
	return out.Bytes(), err
}
