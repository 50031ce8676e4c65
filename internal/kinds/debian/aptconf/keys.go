package aptconf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	pgp "github.com/ProtonMail/go-crypto/openpgp"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// signersOf reads Signed-By: file names, a key, or fingerprints of keys that apt
// trusts; without it, all that apt trusts.
func signersOf(signedBy string, trustedKeys func() (openpgp.Keyring, error)) (openpgp.Keyring, error) {
	if strings.Contains(signedBy, "-----BEGIN PGP") {
		return openpgp.Parse([]byte(unfold(signedBy)), "Signed-By")
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
		return openpgp.ReadFiles(files...)
	}
	trusted, err := trustedKeys()
	if err != nil || fingerprints == nil {
		return trusted, err
	}
	chosen := openpgp.Keyring{Where: "Signed-By " + strings.Join(fingerprints, ", ")}
	for _, entity := range trusted.Keys {
		if slices.Contains(fingerprints, fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)) {
			chosen.Keys = append(chosen.Keys, entity)
		}
	}
	return chosen, nil
}

// trustedKeys reads trusted.gpg and trusted.gpg.d. What can't be read there is
// left out, as apt does, and so are keyboxes.
func (c aptConfig) trustedKeys(log *slog.Logger) (openpgp.Keyring, error) {
	files, err := trustedPartsOf(c.trustedParts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("apt's trusted keys left out", "error", err)
	}
	ring := openpgp.Keyring{Where: c.trustedParts}
	for _, file := range append([]string{c.trusted}, files...) {
		data, err := artifact.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
			continue
		}
		if err == nil && openpgp.IsKeybox(data) {
			err = openpgp.KeyboxError(file, "which apt ignores here")
		}
		part := openpgp.Keyring{}
		if err == nil {
			part, err = openpgp.Parse(data, file)
		}
		if err != nil {
			log.Warn("apt's trusted keys left out", "error", err)
			continue
		}
		ring.Keys = append(ring.Keys, part.Keys...)
	}
	if len(ring.Keys) == 0 {
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

func sameKeys(a, b openpgp.Keyring) bool {
	return slices.EqualFunc(a.Keys, b.Keys, func(a, b *pgp.Entity) bool {
		return bytes.Equal(a.PrimaryKey.Fingerprint, b.PrimaryKey.Fingerprint)
	})
}
