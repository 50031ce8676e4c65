package openpgp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Parse reads public keys: armored (any number of blocks), binary, or a keybox of GnuPG.
// For anything else, the error says what it is.
func Parse(data []byte, where string) (ring Keyring, err error) {
	ring.Where = where
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // the byte order mark of some editors
	switch {
	case IsKeybox(data):
		ring.Keys, err = parseKeybox(data)
	case bytes.Contains(data, []byte("-----BEGIN PGP")):
		ring.Keys, err = parseArmored(data)
	default:
		ring.Keys, err = openpgp.ReadKeyRing(bytes.NewReader(data))
	}
	for _, entity := range ring.Keys {
		if entity.PrivateKey != nil {
			return ring, artifact.Hint(fmt.Errorf("%s: it contains a private key, which only its owner should have", where),
				"export the public key instead: gpg --export %X >%s", entity.PrimaryKey.Fingerprint, exported(where, ".gpg"))
		}
	}
	if len(ring.Keys) == 0 {
		return ring, explainKeyring(data, where, err)
	}
	return ring, nil
}

// KeyText returns what "signed-by" of a definition stands for: keys that stand in the definition itself, armored or of minisign, or
// the content of the file that it names, relative to dir. where names them for errors.
func KeyText(value, dir string) (data []byte, where string, err error) {
	if strings.Contains(value, "-----BEGIN PGP") || IsMinisign([]byte(value)) {
		return []byte(value), "signed-by", nil
	}
	file := value
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	data, err = artifact.ReadFile(file)
	return data, file, err
}

// IsMinisign reports whether data is a public key of minisign: a whole file, or the key alone. Verifiers of each
// format skip keys of the others.
func IsMinisign(data []byte) bool {
	text := bytes.TrimSpace(data)
	if line, rest, found := bytes.Cut(text, []byte("\n")); found && bytes.HasPrefix(line, []byte("untrusted comment:")) {
		text = bytes.TrimSpace(rest)
	}
	return len(text) == 56 && bytes.HasPrefix(text, []byte("RW"))
}

// IsPEM reports whether data is a public key in PEM, as cosign and openssl write it.
func IsPEM(data []byte) bool {
	return bytes.Contains(data, []byte("-----BEGIN PUBLIC KEY-----")) && !bytes.Contains(data, []byte("-----BEGIN PGP"))
}

// parseArmored reads blocks with keys and skips others.
func parseArmored(data []byte) (keys openpgp.EntityList, err error) {
	for rest := bufio.NewReader(bytes.NewReader(data)); ; { // the decoder uses this reader directly, so it reads no further than one block
		block, err := armor.Decode(rest)
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		if block.Type != openpgp.PublicKeyType && block.Type != openpgp.PrivateKeyType {
			continue
		}
		more, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
}

// IsKeybox reports whether data begins as GnuPG's own format for its keyrings does: kbx/keybox-blob.c of GnuPG.
func IsKeybox(data []byte) bool {
	return len(data) >= 12 && data[4] == 1 && string(data[8:12]) == "KBXf"
}

// parseKeybox reads the OpenPGP keys of a keybox. It consists of blobs, each with its length, type, version and flags; blobs of
// type 2 give the offset and length of the key within the blob.
func parseKeybox(data []byte) (keys openpgp.EntityList, err error) {
	for len(data) > 0 {
		if len(data) < 5 {
			return nil, io.ErrUnexpectedEOF
		}
		size := binary.BigEndian.Uint32(data)
		if size < 5 || uint64(size) > uint64(len(data)) {
			return nil, io.ErrUnexpectedEOF
		}
		blob := data[:size]
		data = data[size:]
		if blob[4] != 2 {
			continue
		}
		if len(blob) < 16 {
			return nil, io.ErrUnexpectedEOF
		}
		begin, length := uint64(binary.BigEndian.Uint32(blob[8:])), uint64(binary.BigEndian.Uint32(blob[12:]))
		if begin+length > uint64(len(blob)) {
			return nil, io.ErrUnexpectedEOF
		}
		more, err := openpgp.ReadKeyRing(bytes.NewReader(blob[begin : begin+length]))
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	return keys, nil
}

// ReadFiles reads the keys of several files.
func ReadFiles(files ...string) (Keyring, error) {
	ring := Keyring{Where: strings.Join(files, ", ")}
	for _, file := range files {
		data, err := artifact.ReadFile(file)
		if err != nil {
			return ring, fmt.Errorf("keyring: %w", err)
		}
		part, err := Parse(data, file)
		if err != nil {
			return ring, err
		}
		ring.Keys = append(ring.Keys, part.Keys...)
	}
	return ring, nil
}
