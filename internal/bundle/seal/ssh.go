package seal

import (
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// sshIdentity is the identity of a private key of SSH that has been decrypted.
func sshIdentity(key any) ([]age.Identity, error) {
	var id age.Identity
	var err error
	switch k := key.(type) {
	case *ed25519.PrivateKey:
		id, err = agessh.NewEd25519Identity(*k)
	case ed25519.PrivateKey:
		id, err = agessh.NewEd25519Identity(k)
	case *rsa.PrivateKey:
		id, err = agessh.NewRSAIdentity(k)
	default:
		err = fmt.Errorf("a key of the type %T: age accepts ssh-ed25519 and ssh-rsa", key)
	}
	return []age.Identity{id}, err
}
