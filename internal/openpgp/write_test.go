package openpgp

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Debian's own keys, written anew, are the same keys: with their subkeys, ends and hashes.
func TestArmored(t *testing.T) {
	ring, err := ReadFiles("../../images/keys/debian-12.asc")
	if err != nil {
		t.Fatal(err)
	}
	armored, err := ring.Armored()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(armored, "again")
	if err != nil {
		t.Fatal(err)
	}
	describe := func(k Keyring) (all []string) {
		for _, entity := range k.Keys {
			fingerprints := []string{fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)}
			for _, sub := range entity.Subkeys {
				fingerprints = append(fingerprints, fmt.Sprintf("%X", sub.PublicKey.Fingerprint))
			}
			for _, f := range fingerprints {
				end, expires := k.Expiry(f)
				if !expires {
					end = time.Time{}
				}
				all = append(all, f+" "+end.String())
			}
		}
		return all
	}
	if was, is := describe(ring), describe(again); len(was) < 4 || !slices.Equal(was, is) {
		t.Errorf("was %q, is %q", was, is)
	}
}
