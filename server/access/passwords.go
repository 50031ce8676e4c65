package access

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/server/watch"
)

// errNoNames is the error of a file that would let nobody in.
var errNoNames = errors.New("there is no name in it")

// maxCost is the highest cost of a hash that is checked within some seconds.
const maxCost = 14

// passwords are names and bcrypt hashes, as htpasswd -B writes them, one "NAME:HASH" a
// line. The file is read again when it changes.
type passwords struct {
	file    string
	log     *slog.Logger
	queue   *passwordQueue
	compare func(hash, password []byte) error // bcrypt.CompareHashAndPassword

	mu     sync.Mutex
	hashes map[string][]byte
	cost   int // the highest of a hash
	seen   watch.State
	looked time.Time
	// known are keyed digests of what was right since the file was read: clients send
	// the same with each request.
	key   []byte
	known map[string][sha256.Size]byte
}

func readPasswords(file string, log *slog.Logger) (*passwords, error) {
	p := &passwords{file: file, log: log, queue: newPasswordQueue(), compare: bcrypt.CompareHashAndPassword, key: make([]byte, 32)}
	rand.Read(p.key) // never fails: crypto/rand
	return p, p.read()
}

// read is for those who hold the lock, and for readPasswords.
func (p *passwords) read() error {
	state, err := watch.StateOf(p.file)
	p.seen = state
	if err != nil {
		return err
	}
	data, err := watch.ReadFile(p.file, watch.MaxSize)
	if err != nil {
		return err
	}
	hashes := map[string][]byte{}
	number, highest := 0, bcrypt.MinCost
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
		highest = max(highest, cost)
	}
	if len(hashes) == 0 && p.hashes == nil {
		return artifact.Hint(fmt.Errorf("%s: %w", p.file, errNoNames), "write it with: htpasswd -c -B %s NAME", p.file)
	}
	known := map[string][sha256.Size]byte{}
	for name, digest := range p.known {
		if bytes.Equal(hashes[name], p.hashes[name]) {
			known[name] = digest
		}
	}
	p.hashes, p.cost, p.known = hashes, highest, known // a file without names admits nobody
	return nil
}

// hash is the hash of a name, and whether the password is known to be right.
func (p *passwords) hash(name string, digest [sha256.Size]byte) (hash []byte, right bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= watch.Every {
		p.looked = now
		if state, _ := watch.StateOf(p.file); state != p.seen {
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

// right reports whether the password is that of the name. busy: it was not checked.
func (p *passwords) right(ctx context.Context, address netip.Addr, client Connection, name, password string) (right, busy bool) {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(name + "\x00" + password))
	digest := [sha256.Size]byte(mac.Sum(nil))
	if _, right := p.hash(name, digest); right {
		return true, false
	}
	leave, ok := p.queue.enter(ctx, address, client)
	if !ok {
		return false, true
	}
	defer func() { leave(right) }()
	hash, right := p.hash(name, digest)
	if right { // another connection of the client has done it
		return true, false
	}
	if !p.check(hash, []byte(password)) {
		return false, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Equal(p.hashes[name], hash) {
		p.known[name] = digest
	}
	return true, false
}

// check compares a password with the hash of a name (nil: unknown name). A wrong password takes as long as the most expensive hash
// in the file, so that the time does not reveal which names exist: the work doubles with each step of the cost.
func (p *passwords) check(hash, password []byte) bool {
	p.mu.Lock()
	highest := p.cost
	p.mu.Unlock()
	if hash == nil {
		p.compare(absentHash(highest), password)
		return false
	}
	if p.compare(hash, password) == nil {
		return true
	}
	cost, _ := bcrypt.Cost(hash)
	for ; cost < highest; cost++ {
		p.compare(absentHash(cost), password)
	}
	return false
}

// absentHash is the hash for unknown names; no password matches it.
func absentHash(cost int) []byte {
	return fmt.Appendf(nil, "$2a$%02d$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", cost)
}
