package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxCost is the highest cost of a hash that is checked within some seconds.
const maxCost = 14

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
	// guessing are the clients for which a password is being checked: one at a time each.
	guessing map[netip.Addr]bool
}

func readPasswords(file string, log *slog.Logger) (*passwords, error) {
	p := &passwords{file: file, log: log, turn: make(chan struct{}, 2), key: make([]byte, 32), guessing: map[netip.Addr]bool{}}
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
	data, err := readRegular(p.file, maxRules)
	if err != nil {
		return err
	}
	hashes := map[string][]byte{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) { // which some editors write
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, found := strings.Cut(line, ":")
		cost, err := bcrypt.Cost([]byte(hash))
		if !found || name == "" || err != nil {
			return artifact.Hint(fmt.Errorf("%s:%d: not a name and a bcrypt hash", p.file, number), "write it with: htpasswd -B %s NAME", p.file)
		}
		if cost > maxCost {
			return artifact.Hint(fmt.Errorf("%s:%d: a cost of %d keeps a core busy for minutes", p.file, number, cost), "write it with: htpasswd -B -C 10 %s %s", p.file, name)
		}
		hashes[name] = []byte(hash)
	}
	if len(hashes) == 0 && p.hashes == nil {
		return artifact.Hint(fmt.Errorf("%s: %w", p.file, errNoPasswords), "write it with: htpasswd -c -B %s NAME", p.file)
	}
	known := map[string][sha256.Size]byte{}
	for name, digest := range p.known {
		if bytes.Equal(hashes[name], p.hashes[name]) {
			known[name] = digest
		}
	}
	p.hashes, p.known = hashes, known // without a name in it, nobody may
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
func (p *passwords) right(ctx context.Context, client netip.Addr, name, password string) (right, busy bool) {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(name + "\x00" + password))
	digest := [sha256.Size]byte(mac.Sum(nil))
	hash, right := p.hash(name, digest)
	if right {
		return true, false
	}
	if !p.begin(client) {
		return false, true
	}
	defer p.end(client)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return false, true
	}
	if _, right := p.hash(name, digest); right { // another connection of the client was faster
		return true, false
	}
	if hash == nil {
		bcrypt.CompareHashAndPassword(absentHash, []byte(password))
		return false, false
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil {
		return false, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Equal(p.hashes[name], hash) {
		p.known[name] = digest
	}
	return true, false
}

// begin takes a client's turn to have a password checked.
func (p *passwords) begin(client netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guessing[client] {
		return false
	}
	p.guessing[client] = true
	return true
}

func (p *passwords) end(client netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.guessing, client)
}
