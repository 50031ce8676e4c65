package openpgp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/minimirror/minimirror/internal/artifact"
)

// explainKeyring returns an error that says what data without a public key is, and how to get a key. cause is the parser's error.
func explainKeyring(data []byte, where string, cause error) error {
	text := bytes.TrimSpace(data)
	begins := func(beginnings ...string) bool {
		for _, b := range beginnings {
			if bytes.HasPrefix(text, []byte(b)) {
				return true
			}
		}
		return false
	}
	name := shellWord(where)
	switch {
	case IsKeybox(data):
		return KeyboxError(where, "in which no OpenPGP key can be read")
	case len(text) == 0:
		return artifact.Hint(fmt.Errorf("%s: the file is empty", where), "download or export the key again")
	case begins("<"):
		return artifact.Hint(fmt.Errorf("%s: it is a web page, not a key: is there a portal that requires a login?", where), "download the key again, and look at the file")
	case begins("\xff\xfe", "\xfe\xff"):
		return artifact.Hint(fmt.Errorf("%s: it is text in UTF-16, not a keyring", where), "run: iconv -f UTF-16 -t UTF-8 %s >%s", name, exported(where, ".asc"))
	case begins("-----BEGIN PGP SIGNED MESSAGE-----"):
		return noKey(where, "a signed text")
	case begins("-----BEGIN PGP MESSAGE-----"):
		return noKey(where, "an encrypted or signed message")
	case begins("-----BEGIN PGP SIGNATURE-----"):
		return noKey(where, signatureIn(data))
	case bytes.Contains(data, []byte("-----BEGIN PGP")):
		if what := signatureIn(data[bytes.Index(data, []byte("-----BEGIN PGP")):]); what != "" { // gpg puts a colon before a revocation's
			return noKey(where, what)
		}
	case begins("-----BEGIN "):
		return noKey(where, "a PEM file for TLS or SSH")
	case begins("ssh-", "ecdsa-"):
		return noKey(where, "an SSH key")
	case begins("untrusted comment:"):
		return noKey(where, "a key or signature of signify or minisign")
	case begins("!<arch>"):
		return artifact.Hint(fmt.Errorf("%s: it is a package, not a keyring", where), "unpack it, and name the keyring inside: dpkg-deb -x %s FOLDER", name)
	case begins("\x1f\x8b"):
		return artifact.Hint(fmt.Errorf("%s: it is compressed with gzip", where), "run: gzip -dc %s >%s", name, exported(where, ".gpg"))
	case begins("\xfd7zXZ"):
		return artifact.Hint(fmt.Errorf("%s: it is compressed with xz", where), "run: xz -dc %s >%s", name, exported(where, ".gpg"))
	default:
		if what := signatureIn(data); what != "" {
			return noKey(where, what)
		}
		compact := bytes.Join(bytes.Fields(text), nil)
		if binary, err := base64.StdEncoding.DecodeString(string(compact)); err == nil {
			if keys, err := openpgp.ReadKeyRing(bytes.NewReader(binary)); err == nil && len(keys) > 0 {
				return artifact.Hint(fmt.Errorf("%s: it is a key in base64, without the lines that begin and end its armor", where), "run: base64 -d %s >%s", name, exported(where, ".gpg"))
			}
		}
	}
	if cause == nil {
		cause = errors.New("it holds no OpenPGP key")
	}
	return artifact.Hint(fmt.Errorf("%s: not an OpenPGP keyring: %w", where, cause), "make one on the machine that has the key: gpg --export FINGERPRINT >%s", exported(where, ".gpg"))
}

// KeyboxError returns an error with the command that makes a keyring from a keybox.
func KeyboxError(where, why string) error {
	file := where
	if !strings.ContainsRune(file, '/') {
		file = "./" + file // gpg looks for other names in its home
	}
	return artifact.Hint(fmt.Errorf("%s: it is a GnuPG keybox, %s", where, why),
		"export its keys: gpg --no-default-keyring --keyring %s --export >%s", shellWord(file), exported(where, ".gpg"))
}

func noKey(where, what string) error {
	return artifact.Hint(fmt.Errorf("%s: it is %s, not a public key", where, what), "ask its owner for the key, or export it on the machine that has it: gpg --export FINGERPRINT >%s", exported(where, ".gpg"))
}

// signatureIn names the kind of signature that data begins with, or "": RFC 9580, 5.2.1.
func signatureIn(data []byte) string {
	if block, err := armor.Decode(bytes.NewReader(data)); err == nil {
		if p, err := packet.NewReader(block.Body).Next(); err == nil {
			return nameSignature(p)
		}
		return ""
	}
	p, err := packet.NewReader(bytes.NewReader(data)).Next()
	if err != nil {
		return ""
	}
	return nameSignature(p)
}

func nameSignature(p packet.Packet) string {
	signature, is := p.(*packet.Signature)
	switch {
	case !is:
		return ""
	case signature.SigType == packet.SigTypeKeyRevocation || signature.SigType == packet.SigTypeSubkeyRevocation:
		return "a revocation certificate"
	default:
		return "a signature"
	}
}

// exported is a name for the keyring that a command of a hint writes.
func exported(where, extension string) string {
	name := strings.TrimSuffix(filepath.Base(where), filepath.Ext(where))
	if name+extension == filepath.Base(where) {
		name += "-keyring"
	}
	return shellWord(name + extension)
}

// shellWord quotes text that a shell would not take as one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+:@%", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
