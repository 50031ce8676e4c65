package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/signing"
	"github.com/minimirror/minimirror/internal/strictyaml"
)

// signingKeyName is the key of a definition that says which keys sign the image.
const signingKeyName = "signing-key"

// parseSigningKeys reads one fingerprint, or a list of them.
func (d *Definition) parseSigningKeys(section artifact.Section) error {
	texts := make([]strictyaml.Scalar, 1) // a fingerprint without quotes may look like a number
	if section.Decode(&texts[0]) != nil {
		if err := section.Decode(&texts); err != nil {
			return artifact.Hint(err, "write the fingerprint of the key, or a list of fingerprints: [FINGERPRINT, FINGERPRINT]")
		}
	}
	for _, text := range texts {
		fingerprint, err := parseFingerprint(string(text))
		switch {
		case err != nil:
			return artifact.Hint(section.Errorf("%s %q: %w", signingKeyName, text, err), "minimirror build prints the fingerprint of the key that signs, and so does: gpg --fingerprint")
		case slices.Contains(d.signingKeys, fingerprint):
			return section.Errorf("%s: %s is repeated", signingKeyName, fingerprint)
		}
		d.signingKeys = append(d.signingKeys, fingerprint)
	}
	if len(texts) == 0 {
		return section.Errorf("%s: the list is empty", signingKeyName)
	}
	d.signingKeysAt = section.Position()
	return nil
}

// parseFingerprint reads a fingerprint as programs print it, with or without spaces.
func parseFingerprint(text string) (string, error) {
	digits := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	digits = strings.TrimPrefix(digits, "0X")
	switch {
	case digits == "":
		return "", fmt.Errorf("the fingerprint is missing")
	case strings.Trim(digits, "0123456789ABCDEF") != "":
		return "", fmt.Errorf("not a fingerprint: want hexadecimal digits")
	case len(digits) != 40 && len(digits) != 64:
		return "", fmt.Errorf("%d digits: want the whole fingerprint, 40 digits (64 of an OpenPGP key of version 6)", len(digits))
	}
	return digits, nil
}

// PinsSigningKey reports whether the definition says which keys sign.
func (d *Definition) PinsSigningKey() bool { return len(d.signingKeys) > 0 }

// CheckSigningKeys refuses keys other than those that the definition names, if it names any. All of them must sign: a client may
// know only one of them.
func (d *Definition) CheckSigningKeys(keys signing.Keys) error {
	if !d.PinsSigningKey() {
		return nil
	}
	var have []string
	for _, key := range keys.Infos() {
		have = append(have, key.Fingerprint)
	}
	return d.checkFingerprints(have)
}

func (d *Definition) checkFingerprints(have []string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", d.signingKeysAt, signingKeyName, fmt.Errorf(format, args...))
	}
	for _, fingerprint := range have {
		if !slices.Contains(d.signingKeys, fingerprint) {
			return artifact.Hint(wrong("key %s would sign the image, and the definition wants %s", fingerprint, strings.Join(d.signingKeys, " and ")),
				"name the file of the wanted key with --sign-key; or, if the key changes, list both here and repeat --sign-key until all clients have the new one")
		}
	}
	for _, fingerprint := range d.signingKeys {
		if !slices.Contains(have, fingerprint) {
			return artifact.Hint(wrong("key %s would not sign the image, only %s", fingerprint, strings.Join(have, " and ")),
				"name its file, too: repeat --sign-key; or, if no client depends on it any more, remove it here")
		}
	}
	return nil
}
