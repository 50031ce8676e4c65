package debian

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// keyring reads Signed-By: file names, a key, or fingerprints of keys that apt
// trusts; without it, all that apt trusts.
func (c aptConfig) keyring(signedBy string) (keyring, error) {
	if strings.Contains(signedBy, "-----BEGIN PGP") {
		return parseKeyring([]byte(unfold(signedBy)), "Signed-By")
	}
	var files []string
	var fingerprints []string
	for _, word := range strings.FieldsFunc(signedBy, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		if filepath.IsAbs(word) {
			files = append(files, word)
		} else {
			fingerprints = append(fingerprints, strings.ToUpper(strings.TrimSuffix(word, "!")))
		}
	}
	if files != nil {
		return readKeyring(files...)
	}
	trusted, err := c.trustedKeys()
	if err != nil || fingerprints == nil {
		return trusted, err
	}
	chosen := keyring{where: "Signed-By " + strings.Join(fingerprints, ", ")}
	for _, entity := range trusted.keys {
		if slices.Contains(fingerprints, fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)) {
			chosen.keys = append(chosen.keys, entity)
		}
	}
	return chosen, nil
}

// trustedKeys reads trusted.gpg and trusted.gpg.d. What can't be read there is
// left out, as apt does.
func (c aptConfig) trustedKeys() (keyring, error) {
	files := []string{c.trusted}
	for _, pattern := range []string{"*.gpg", "*.asc"} {
		found, err := filepath.Glob(filepath.Join(c.trustedParts, pattern))
		if err != nil {
			return keyring{}, err
		}
		files = append(files, found...)
	}
	ring := keyring{where: c.trustedParts}
	for _, file := range files {
		if part, err := readKeyring(file); err == nil {
			ring.keys = append(ring.keys, part.keys...)
		}
	}
	if len(ring.keys) == 0 {
		return ring, fmt.Errorf("no keys in %s and %s", c.trusted, c.trustedParts)
	}
	return ring, nil
}

// unfold undoes deb822's continuation of a key: a line with only a dot is empty.
func unfold(value string) string {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "." {
			line = ""
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n") + "\n"
}

func sameKeys(a, b keyring) bool {
	return slices.EqualFunc(a.keys, b.keys, func(a, b *openpgp.Entity) bool {
		return bytes.Equal(a.PrimaryKey.Fingerprint, b.PrimaryKey.Fingerprint)
	})
}
