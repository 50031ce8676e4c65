package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/minimirror/minimirror/internal/artifact"
)

// ageSealer is a Sealer.
type ageSealer struct {
	recipients []age.Recipient
	names      []string
	overhead   int64 // bytes before the payload
}

// Passphrase is the name of the recipient that has no key.
const Passphrase = "passphrase"

// NewAge encrypts for recipients as age writes them: age1…, or a public key of SSH (ssh-ed25519, ssh-rsa).
func NewAge(names []string) (Sealer, error) {
	s := &ageSealer{}
	for _, name := range names {
		r, err := parseRecipient(name)
		if err != nil {
			return nil, err
		}
		s.recipients = append(s.recipients, r)
		if fields := strings.Fields(name); strings.HasPrefix(name, "ssh-") && len(fields) > 2 {
			name = strings.Join(fields[:2], " ") // the comment names a person
		}
		s.names = append(s.names, name)
	}
	return s, s.measure()
}

// NewPassphrase encrypts with a passphrase (scrypt).
func NewPassphrase(secret []byte) (Sealer, error) {
	if len(secret) == 0 {
		return nil, artifact.Usagef("the passphrase is empty")
	}
	r, err := age.NewScryptRecipient(string(secret))
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(workFactor)
	s := &ageSealer{recipients: []age.Recipient{r}, names: []string{Passphrase}}
	return s, s.measure()
}

// workFactor is the binary logarithm of scrypt's N: a part costs 32 MiB and about 0.1 s. age's own default, 18, would take 256 MiB.
const workFactor = 15

func parseRecipient(name string) (age.Recipient, error) {
	if strings.HasPrefix(name, "ssh-") {
		r, err := agessh.ParseRecipient(name)
		if err != nil {
			return nil, artifact.Hint(artifact.Usagef("recipient %q: %w", name, err), "age accepts the keys ssh-ed25519 and ssh-rsa")
		}
		return r, nil
	}
	if strings.HasPrefix(name, "AGE-SECRET-KEY-") {
		return nil, artifact.Hint(artifact.Usagef("a recipient is a private key"), "write the public key: age-keygen -y FILE")
	}
	r, err := age.ParseRecipients(strings.NewReader(name))
	if err != nil || len(r) != 1 {
		return nil, artifact.Hint(artifact.Usagef("recipient %q is not a public key of age or SSH", name), "age-keygen -o FILE makes a key, and prints its public part, age1…")
	}
	return r[0], nil
}

// ParseRecipientsFile reads recipients, a line each. Empty lines and those that begin with # are comments.
func ParseRecipientsFile(data []byte) (names []string) {
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			names = append(names, line)
		}
	}
	return names
}

// measure encrypts nothing, to learn how long age's header is.
func (s *ageSealer) measure() error {
	var b bytes.Buffer
	w, err := s.Seal(&b)
	if err == nil {
		err = w.Close()
	}
	s.overhead = int64(b.Len()) - tag
	return err
}

// Size of a chunk of age's payload (STREAM), and of its tag, in bytes.
const (
	chunk = 64 << 10
	tag   = 16
)

func (*ageSealer) Encryption() string     { return "age" }
func (s *ageSealer) Recipients() []string { return s.names }

// Size implements Sealer: age-encryption.org/v1, "Payload".
func (s *ageSealer) Size(clear int64) int64 {
	return s.overhead + clear + tag*max((clear+chunk-1)/chunk, 1)
}

func (s *ageSealer) Seal(w io.Writer) (io.WriteCloser, error) {
	return age.Encrypt(w, s.recipients...)
}

// ageOpener is an Opener.
type ageOpener struct{ identities []age.Identity }

// NewAgeOpener decrypts with identities: each file has keys of age (AGE-SECRET-KEY-1…), perhaps encrypted with a passphrase, or one private key of SSH.
// passphrase is asked for those that are encrypted, and if asked is true, for parts.
func NewAgeOpener(files []KeyFile, parts bool, passphrase func(what string) ([]byte, error)) (Opener, error) {
	o := new(ageOpener)
	for _, f := range files {
		file, data := f.Name, f.Data
		ids, err := parseIdentities(file, data, passphrase)
		if err != nil {
			return nil, fmt.Errorf("identity %s: %w", file, err)
		}
		o.identities = append(o.identities, ids...)
	}
	if parts {
		secret, err := passphrase("the bundle")
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(string(secret))
		if err != nil {
			return nil, err
		}
		id.SetMaxWorkFactor(maxWorkFactor)
		o.identities = append(o.identities, id)
	}
	return o, nil
}

// maxWorkFactor limits what a stranger's file makes this machine compute: 1 GiB of memory.
const maxWorkFactor = 20

func parseIdentities(file string, data []byte, passphrase func(string) ([]byte, error)) ([]age.Identity, error) {
	switch {
	case bytes.Contains(data, []byte("-----BEGIN AGE ENCRYPTED")), bytes.HasPrefix(data, []byte("age-encryption.org/")):
		in := io.Reader(bytes.NewReader(data))
		if !bytes.HasPrefix(data, []byte("age-encryption.org/")) {
			in = armor.NewReader(bufio.NewReader(in))
		}
		secret, err := passphrase(file)
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(string(secret))
		if err != nil {
			return nil, err
		}
		plain, err := age.Decrypt(in, id)
		if err != nil {
			return nil, errors.New("it cannot be decrypted: the passphrase is wrong, or the file is damaged")
		}
		keys, err := io.ReadAll(io.LimitReader(plain, 1<<20))
		if err != nil {
			return nil, err
		}
		return age.ParseIdentities(bytes.NewReader(keys))
	case bytes.Contains(data, []byte("PRIVATE KEY-----")):
		id, err := agessh.ParseIdentity(data)
		if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
			secret, err := passphrase(file)
			if err != nil {
				return nil, err
			}
			key, err := ssh.ParseRawPrivateKeyWithPassphrase(data, secret)
			if err != nil {
				return nil, errors.New("it cannot be decrypted: the passphrase is wrong, or the file is damaged")
			}
			return sshIdentity(key)
		}
		if err != nil {
			return nil, err
		}
		return []age.Identity{id}, nil
	case bytes.Contains(data, []byte("age1")) && !bytes.Contains(data, []byte("AGE-SECRET-KEY-")):
		return nil, artifact.Hint(errors.New("it has public keys only"), "name the file that age-keygen -o wrote")
	}
	return age.ParseIdentities(bytes.NewReader(data))
}

func (*ageOpener) Encryption() string { return "age" }

func (o *ageOpener) Open(r io.Reader) (io.Reader, error) {
	plain, err := age.Decrypt(r, o.identities...)
	if no := (*age.NoIdentityMatchError)(nil); errors.As(err, &no) {
		return nil, ErrNoIdentity
	}
	return plain, err
}
