package receipt

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/bytesize"
)

// The first lines of signatures.
var (
	minisignStart = []byte("untrusted comment:")
	openpgpStart  = []byte("-----BEGIN PGP SIGNATURE-----")
)

// MaxSize is the largest receipt that is read, in bytes: a site with a million blobs, say.
const MaxSize = 64 << 20

// A Signer signs a text.
type Signer interface {
	// Sign returns a detached signature, of minisign or armored OpenPGP. comment is signed, too, if the form has room for it.
	Sign(text []byte, comment string) ([]byte, error)
}

// A Verifier knows whom to believe.
type Verifier interface {
	// Verify returns who signed the text, for people. artifact.ErrVerify: nobody who is believed.
	Verify(text, signature []byte) (by string, err error)
}

// Keys are a Verifier: public keys of minisign or OpenPGP, of which one must have signed.
type Keys []signed.Key

// Verify implements Verifier.
func (k Keys) Verify(text, signature []byte) (by string, err error) {
	suffix := signed.Armored
	if bytes.HasPrefix(signature, minisignStart) {
		suffix = signed.Minisig
	}
	good, err := signed.Verify(k, text, map[string][]byte{suffix: signature})
	return good.Key, err
}

// A Signed is a receipt as it was read. Nothing in it is to be believed before Verify has returned.
type Signed struct {
	Receipt   *Receipt
	ID        string // SHA-256 of Body, hexadecimal
	Body      []byte // what is signed
	Signature []byte
	By        string // who signed it; empty before Verify
}

// Sign encodes the receipt, and signs it.
func (r *Receipt) Sign(key Signer) (*Signed, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	body, err := r.Encode()
	if err != nil {
		return nil, err
	}
	s := &Signed{Receipt: r, ID: idOf(body), Body: body}
	s.Signature, err = key.Sign(body, fmt.Sprintf("minimirror receipt %s %s id %s", r.Name, r.Created.Format("2006-01-02T15:04:05Z"), s.ID))
	if err == nil && !bytes.HasPrefix(s.Signature, minisignStart) && !bytes.HasPrefix(s.Signature, openpgpStart) {
		err = errors.New("the signature is neither minisign's nor an armored one of OpenPGP")
	}
	return s, err
}

// File is the whole file.
func (s *Signed) File() []byte {
	file := append(bytes.Clone(s.Body), s.Signature...)
	if !bytes.HasSuffix(file, []byte("\n")) {
		file = append(file, '\n')
	}
	return file
}

// Is reports whether a file that begins like this is a receipt, or the lines of its codes.
func Is(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	if bytes.HasPrefix(head, []byte(linePrefix)) || bytes.HasPrefix(bytes.ToUpper(head), []byte("QR-CODE:"+linePrefix)) {
		return true
	}
	rest, object := bytes.CutPrefix(head, []byte("{"))
	rest, key := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"minimirror"`))
	rest, colon := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":"))
	return object && key && colon && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"`+purpose+`"`))
}

// HeadSize is how many bytes Is wants, at most.
const HeadSize = 512

// Read reads a receipt: the file, or the lines that a scanner has read from its codes, in any order. It does not verify the signature. If the file
// has a signature and the rest is not a receipt that this program understands, the result has no Receipt beside the error: Verify tells whether
// somebody has changed it.
func Read(data []byte) (*Signed, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %s, which no receipt is", bytesize.Text(MaxSize))
	}
	if hasLines(data) {
		var err error
		if data, err = join(data); err != nil {
			return nil, err
		}
	}
	at := signatureStart(data)
	if at < 0 {
		if !Is(data) {
			return nil, artifact.Hint(errors.New("not a receipt"), "minimirror receipt makes one, at the site")
		}
		return nil, artifact.Verifyf("the receipt has no signature")
	}
	s := &Signed{Body: data[:at], Signature: data[at:]}
	s.ID = idOf(s.Body)
	var err error
	s.Receipt, err = decode(s.Body)
	return s, err
}

// signatureStart is where the first line begins that begins a signature, or -1.
func signatureStart(data []byte) int {
	for at := 0; at < len(data); {
		if bytes.HasPrefix(data[at:], minisignStart) || bytes.HasPrefix(data[at:], openpgpStart) {
			return at
		}
		end := bytes.IndexByte(data[at:], '\n')
		if end < 0 {
			return -1
		}
		at += end + 1
	}
	return -1
}

// Verify requires a good signature.
func (s *Signed) Verify(keys Verifier) error {
	by, err := keys.Verify(s.Body, s.Signature)
	switch {
	case err != nil && s.Receipt == nil:
		return fmt.Errorf("receipt: %w", err)
	case err != nil:
		return fmt.Errorf("receipt of %s: %w", artifact.Printable(s.Receipt.Name), err)
	}
	s.By = by
	return nil
}
