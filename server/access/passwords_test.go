package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// hashOf is a hash of such a cost, which takes no time to make: nobody's password fits.
func hashOf(cost int) string { return string(absentHash(cost)) }

func testPasswords(t *testing.T, lines string) *passwords {
	t.Helper()
	file := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readPasswords(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.queue.patience = time.Hour // as long as a busy machine needs
	return p
}

// A goes is a client that may have gone.
type goes func() bool

func (g goes) Gone() bool { return g() }

var here = goes(func() bool { return false })

// A wrong password takes the same work, whether there is such a name, and whatever its own hash costs.
func TestWrongPasswordsCostTheSame(t *testing.T) {
	for lines, work := range map[string]int{
		"ten:" + hashOf(10) + "\n": 1 << 10,
		"five:" + hashOf(5) + "\nten:" + hashOf(10) + "\nthirteen:" + hashOf(13) + "\n": 1 << 13,
		"four:" + hashOf(4) + "\n":      1 << 4,
		"fourteen:" + hashOf(14) + "\n": 1 << 14,
	} {
		p := testPasswords(t, lines)
		for _, name := range []string{"four", "five", "ten", "thirteen", "fourteen", "absent", ""} {
			done := 0
			p.compare = func(hash, password []byte) error {
				cost, err := bcrypt.Cost(hash)
				if err != nil || string(password) != "wrong" {
					t.Errorf("%s: %q, %v", hash, password, err)
				}
				done += 1 << cost
				return bcrypt.ErrMismatchedHashAndPassword
			}
			if right, busy := p.right(context.Background(), netip.MustParseAddr("192.0.2.1"), here, name, "wrong"); right || busy {
				t.Errorf("%s: right %t, busy %t", name, right, busy)
			}
			if done != work {
				t.Errorf("%s: a work of %d, want %d", name, done, work)
			}
		}
	}
	// Nobody's hash is a real one.
	if _, err := bcrypt.Cost(absentHash(7)); err != nil {
		t.Error(err)
	}
	p := testPasswords(t, "joe:"+hashOf(4)+"\n")
	p.compare = func(_, _ []byte) error { return nil }
	if right, _ := p.right(context.Background(), netip.Addr{}, here, "absent", "x"); right {
		t.Error("an absent name has a password")
	}
}

// A slowHash is a comparison that waits until it is let go. It tells who is compared.
type slowHash struct {
	begun chan string
	goOn  chan struct{}
}

func (s slowHash) compare(_, password []byte) error {
	s.begun <- string(password)
	<-s.goOn
	if string(password) == "right" {
		return nil
	}
	return bcrypt.ErrMismatchedHashAndPassword
}

// waiting is how many wait for a turn.
func (q *passwordQueue) waiting() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, network := range q.networks {
		n += len(network.waiting)
	}
	return n
}

func (q *passwordQueue) await(t *testing.T, n int) {
	t.Helper()
	for q.waiting() != n {
		runtime.Gosched()
	}
}

// Networks that flood the server with wrong passwords have their turns; a first login of another network has the next
// one, however many wait.
func TestPasswordFlood(t *testing.T) {
	p := testPasswords(t, "joe:"+hashOf(4)+"\n")
	slow := slowHash{make(chan string), make(chan struct{})}
	p.compare = slow.compare
	var flood []string
	for i := range 20 {
		flood = append(flood, fmt.Sprintf("198.51.100.%d", i))
		flood = append(flood, fmt.Sprintf("2001:db8:0:%x::1", i))
	}
	var all sync.WaitGroup
	busy := atomic.Int32{}
	guess := func(client, password string) {
		all.Go(func() {
			if right, isBusy := p.right(context.Background(), netip.MustParseAddr(client), here, "joe", password); isBusy {
				busy.Add(1)
			} else if right != (password == "right") {
				t.Errorf("%s: right %t", client, right)
			}
		})
	}
	// Each has sent a wrong one before, and sends ten more. Even before that, who comes last has the next turn.
	for _, last := range []string{"before", "after"} {
		for i, client := range flood {
			guess(client, "wrong")
			if i < passwordTurns {
				<-slow.begun
			}
		}
		p.queue.await(t, len(flood)-passwordTurns)
		guess("203.0.113.1", last)
		p.queue.await(t, len(flood)-passwordTurns+1)
		for i := range len(flood) + 1 {
			slow.goOn <- struct{}{}
			if i > len(flood)-passwordTurns {
				continue
			}
			if got := <-slow.begun; i == 0 && last == "before" && got != last {
				t.Errorf("the next turn went to %s", got)
			}
		}
		all.Wait()
	}
	for round := range 10 {
		for i, client := range flood {
			guess(client, "wrong")
			if round == 0 && i < passwordTurns {
				<-slow.begun
			}
		}
	}
	p.queue.await(t, 10*len(flood)-passwordTurns)
	guess("192.0.2.1", "right")
	guess("192.0.2.2", "first")
	p.queue.await(t, 10*len(flood)-passwordTurns+2)
	var next []string
	for range 2 {
		slow.goOn <- struct{}{}
		next = append(next, <-slow.begun)
	}
	slices.Sort(next)
	if !slices.Equal(next, []string{"first", "right"}) {
		t.Errorf("the next turns went to %v", next)
	}
	// The rest has its turns, too.
	go func() {
		for range 10 * len(flood) {
			slow.goOn <- struct{}{}
		}
	}()
	for range 10*len(flood) - passwordTurns { // one at a time, where all that is left is of one network
		<-slow.begun
	}
	all.Wait()
	if n := busy.Load(); n > 0 {
		t.Errorf("%d were answered 503", n)
	}
	// What was right is known.
	if right, _ := p.right(context.Background(), netip.MustParseAddr("192.0.2.77"), here, "joe", "right"); !right {
		t.Error("the right password is checked again")
	}
}

// One network has one turn at a time, and a short line: an IPv4 address, or 64 bits of IPv6.
func TestPasswordsOfOneNetwork(t *testing.T) {
	for name, clients := range map[string]func(i int) string{
		"IPv4": func(int) string { return "192.0.2.1" },
		"IPv6": func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) },
		"link": func(i int) string { return fmt.Sprintf("fe80::%x", i+1) },
	} {
		p := testPasswords(t, "joe:"+hashOf(4)+"\n")
		slow := slowHash{make(chan string), make(chan struct{})}
		p.compare = slow.compare
		var all sync.WaitGroup
		for i := range 1 + mostWaiting {
			all.Go(func() {
				p.right(context.Background(), netip.MustParseAddr(clients(i)), here, "joe", fmt.Sprint(i))
			})
		}
		<-slow.begun
		p.queue.await(t, mostWaiting)
		if _, busy := p.right(context.Background(), netip.MustParseAddr(clients(200)), here, "joe", "one too many"); !busy {
			t.Errorf("%s: there is room for more", name)
		}
		// Another network has the other turn.
		all.Go(func() {
			p.right(context.Background(), netip.MustParseAddr("2001:db8:0:1::1"), here, "joe", "another")
		})
		if got := <-slow.begun; got != "another" {
			t.Errorf("%s: two turns for one network: %s", name, got)
		}
		slow.goOn <- struct{}{}
		slow.goOn <- struct{}{}
		for range mostWaiting {
			<-slow.begun
			slow.goOn <- struct{}{}
		}
		all.Wait()
	}
}

// Who has gone has no turn, and takes no place in the line.
func TestPasswordsOfNobody(t *testing.T) {
	p := testPasswords(t, "joe:"+hashOf(4)+"\n")
	slow := slowHash{make(chan string), make(chan struct{})}
	p.compare = slow.compare
	var all sync.WaitGroup
	var left atomic.Bool
	guess := func(ctx context.Context, address, password string, client Connection) {
		all.Go(func() {
			if right, busy := p.right(ctx, netip.MustParseAddr(address), client, "joe", password); password == "gone" && !busy || password == "right" && !right {
				t.Errorf("%s of %s: right %t, busy %t", password, address, right, busy)
			}
		})
	}
	background := context.Background()
	for i := range passwordTurns {
		guess(background, fmt.Sprintf("198.51.100.%d", i), "wrong", here)
		<-slow.begun
	}
	// The server ends.
	ctx, cancel := context.WithCancel(background)
	guess(ctx, "192.0.2.9", "gone", here)
	p.queue.await(t, 1)
	cancel()
	p.queue.await(t, 0)
	for i := range mostWaiting {
		guess(background, "192.0.2.1", "gone", goes(left.Load))
		guess(background, fmt.Sprintf("203.0.113.%d", i), "gone", goes(left.Load))
	}
	p.queue.await(t, 2*mostWaiting)
	left.Store(true)
	guess(background, "192.0.2.1", "right", here) // there is room again
	p.queue.await(t, mostWaiting+1)
	slow.goOn <- struct{}{}
	if got := <-slow.begun; got != "right" {
		t.Errorf("a turn for %s", got)
	}
	slow.goOn <- struct{}{}
	slow.goOn <- struct{}{}
	all.Wait()
	if n := len(p.queue.networks); n != passwordTurns {
		t.Errorf("%d networks are remembered", n)
	}
}

// Networks are remembered within bounds.
func TestPasswordNetworks(t *testing.T) {
	p := testPasswords(t, "joe:"+hashOf(4)+"\n")
	p.compare = func(_, password []byte) error { return bcrypt.ErrMismatchedHashAndPassword }
	a := netip.MustParseAddr("10.0.0.0")
	for range 3 * mostRemembered {
		p.right(context.Background(), a, here, "joe", "wrong")
		a = a.Next()
	}
	if n := len(p.queue.networks); n > mostRemembered {
		t.Errorf("%d networks are remembered", n)
	}
	for range 2 {
		p.compare = func(_, password []byte) error { return nil }
		p.right(context.Background(), a, here, "joe", "right")
	}
	if p.queue.networks[passwordNetworkOf(a)] != nil {
		t.Error("a network without failures is remembered")
	}
}
