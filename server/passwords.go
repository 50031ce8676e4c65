package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/minimirror/minimirror/internal/artifact"
)

// passwords are names and bcrypt hashes, as htpasswd -B writes them, one "NAME:HASH" a
// line. The file is read again when it changes.
type passwords struct {
	file string
	log  *slog.Logger
	turn chan struct{} // bcrypt is slow on purpose: a few at a time

	mu     sync.Mutex
	hashes map[string][]byte
	seen   fileState
	looked time.Time
	// known are keyed digests of what was right since the file was read: clients send
	// the same with each request.
	key   []byte
	known map[string][sha256.Size]byte
}

func readPasswords(file string, log *slog.Logger) (*passwords, error) {
	p := &passwords{file: file, log: log, turn: make(chan struct{}, 2), key: make([]byte, 32)}
	rand.Read(p.key) // never fails: crypto/rand
	return p, p.read()
}

// read is for those who hold the lock, and for readPasswords.
func (p *passwords) read() error {
	state, err := stateOf(p.file)
	p.seen = state
	if err != nil {
		return err
	}
	data, err := os.ReadFile(p.file)
	if err != nil {
		return err
	}
	hashes := map[string][]byte{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, found := strings.Cut(line, ":")
		if _, err := bcrypt.Cost([]byte(hash)); !found || name == "" || err != nil {
			return artifact.Hint(fmt.Errorf("%s:%d: not a name and a bcrypt hash", p.file, number), "write it with: htpasswd -B %s NAME", p.file)
		}
		hashes[name] = []byte(hash)
	}
	if len(hashes) == 0 {
		return artifact.Hint(fmt.Errorf("%s: %w", p.file, errNoPasswords), "write it with: htpasswd -c -B %s NAME", p.file)
	}
	p.hashes, p.known = hashes, map[string][sha256.Size]byte{}
	return nil
}

// hash is the hash of a name, and whether the password is known to be right.
func (p *passwords) hash(name string, digest [sha256.Size]byte) (hash []byte, right bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= watchEvery {
		p.looked = now
		if state, _ := stateOf(p.file); state != p.seen {
			if err := p.read(); err != nil {
				p.log.Error("the passwords cannot be read; those before stay in force", "error", err)
			} else {
				p.log.Info("passwords read", "file", p.file, "names", len(p.hashes))
			}
		}
	}
	known, found := p.known[name]
	return p.hashes[name], found && hmac.Equal(known[:], digest[:])
}

// absentHash takes as long as the hash of a name does, so that names cannot be guessed by time.
var absentHash = []byte("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")

// right reports whether the password is that of the name.
func (p *passwords) right(ctx context.Context, name, password string) bool {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(name + "\x00" + password))
	digest := [sha256.Size]byte(mac.Sum(nil))
	hash, right := p.hash(name, digest)
	if right {
		return true
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return false
	}
	if hash == nil {
		bcrypt.CompareHashAndPassword(absentHash, []byte(password))
		return false
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Equal(p.hashes[name], hash) {
		p.known[name] = digest
	}
	return true
}
