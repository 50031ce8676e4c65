package signing

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// An Info describes a key to those who compare it.
type Info struct {
	Fingerprint string    `json:"fingerprint"`      // of the primary key: upper-case hexadecimal digits
	From        time.Time `json:"-"`                // when the key becomes valid
	Expires     time.Time `json:"expires,omitzero"` // when clients begin to refuse it; zero: never
}

// Expired reports whether clients refuse the key now.
func (i Info) Expired(now time.Time) bool { return !i.Expires.IsZero() && now.After(i.Expires) }

// String is the fingerprint, and when the key expires.
func (i Info) String() string {
	if i.Expires.IsZero() {
		return i.Fingerprint
	}
	return i.Fingerprint + ", expires " + i.Expires.UTC().Format(time.DateOnly)
}

// ReadPublic describes the keys of an armored keyring, sorted by fingerprint, each once.
func ReadPublic(armored []byte) ([]Info, error) {
	entities, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armored))
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	var all []Info
	for _, e := range entities {
		all = append(all, infoOf(e))
	}
	// Of a key that is repeated, the one that is valid for longer counts.
	slices.SortFunc(all, func(a, b Info) int {
		end := func(i Info) int64 {
			if i.Expires.IsZero() {
				return math.MaxInt64
			}
			return i.Expires.Unix()
		}
		return cmp.Or(strings.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(end(b), end(a)))
	})
	return slices.CompactFunc(all, func(a, b Info) bool { return a.Fingerprint == b.Fingerprint }), nil
}

func fingerprint(e *openpgp.Entity) string { return fmt.Sprintf("%X", e.PrimaryKey.Fingerprint) }

// infoOf describes a key of which it is not known what signs: the newest subkey that can, or else the primary key.
func infoOf(e *openpgp.Entity) Info {
	var newest *openpgp.Subkey
	for i := range e.Subkeys {
		sub := &e.Subkeys[i]
		if sub.Sig != nil && sub.Sig.FlagsValid && sub.Sig.FlagSign && len(sub.Revocations) == 0 && (newest == nil || sub.Sig.CreationTime.After(newest.Sig.CreationTime)) {
			newest = sub
		}
	}
	if newest == nil {
		return newInfo(e, binding{})
	}
	return newInfo(e, binding{newest.PublicKey, newest.Sig})
}

// newInfo describes a key. It expires when its primary key does, or the subkey that signs.
func newInfo(e *openpgp.Entity, signing binding) Info {
	i := Info{Fingerprint: fingerprint(e), From: e.PrimaryKey.CreationTime.UTC()}
	ends := []time.Time{signing.end()}
	if self, _ := e.PrimarySelfSignature(); self != nil {
		if self.CreationTime.After(i.From) {
			i.From = self.CreationTime.UTC()
		}
		ends = append(ends, binding{e.PrimaryKey, self}.end())
	}
	ends = slices.DeleteFunc(ends, time.Time.IsZero)
	if len(ends) > 0 {
		i.Expires = slices.MinFunc(ends, time.Time.Compare)
	}
	return i
}

// A binding is a key, and the signature that makes it one of an owner.
type binding struct {
	key *packet.PublicKey
	sig *packet.Signature
}

// end is when the key, or its binding, expires; zero: never.
func (b binding) end() (end time.Time) {
	add := func(from time.Time, seconds *uint32) {
		if seconds == nil || *seconds == 0 {
			return
		}
		if at := from.Add(time.Duration(*seconds) * time.Second).UTC(); end.IsZero() || at.Before(end) {
			end = at
		}
	}
	if b.key == nil {
		return end
	}
	add(b.key.CreationTime, b.sig.KeyLifetimeSecs)
	add(b.sig.CreationTime, b.sig.SigLifetimeSecs)
	return end
}

// warnBefore is how long before its end a key is warned of: clients need the next one before.
const warnBefore = 180 * 24 * time.Hour

// Warn warns of keys that have expired, or will soon.
func Warn(log *slog.Logger, keys []Info, now time.Time) {
	for _, key := range keys {
		switch {
		case key.Expires.IsZero() || key.Expires.Sub(now) > warnBefore:
		case key.Expired(now):
			log.Warn("the signing key has expired: clients refuse the mirror; build with another key, and give clients the new minimirror.sources",
				"key", key.Fingerprint, "expired", moment(key.Expires))
		default:
			log.Warn("the signing key expires soon: clients will then refuse the mirror; sign with a second key from now on (repeat --sign-key), and give clients the new minimirror.sources before that day",
				"key", key.Fingerprint, "expires", moment(key.Expires))
		}
	}
}
