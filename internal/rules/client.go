package rules

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// networks are sorted by address and don't overlap.
type networks []netip.Prefix

// parseNetwork reads an address or a network in CIDR notation (RFC 4632, RFC 4291). Of an IPv4-mapped
// one it is the IPv4 part that counts.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err == nil && addr.Zone() != "" {
			err = fmt.Errorf("it has a zone")
		}
		if err != nil {
			return netip.Prefix{}, artifact.Hint(fmt.Errorf("%q is not an address", s), "write an address or a network: 10.1.2.3, 10.0.0.0/8, 2001:db8::/32; names of hosts are not looked up")
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, artifact.Hint(fmt.Errorf("%q is not a network", s), "write an address, a slash and how many bits count: 10.0.0.0/8, 2001:db8::/32")
	}
	if m := p.Masked(); m != p {
		return netip.Prefix{}, artifact.Hint(fmt.Errorf("%q has bits beyond its first %d", s, p.Bits()), "for the network write %s, for the one address %s", m, p.Addr())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}

// makeNetworks drops what lies in another.
func makeNetworks(all []netip.Prefix) networks {
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	kept := all[:0]
	for _, p := range all {
		if n := len(kept); n == 0 || !kept[n-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return networks(slices.Clip(kept))
}

// contains reports whether the client is in one of them. The zero Addr is in none.
func (n networks) contains(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	low, high := 0, len(n)
	for low < high { // the first that begins behind the client
		if middle := (low + high) / 2; n[middle].Addr().Compare(client) > 0 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low > 0 && n[low-1].Contains(client)
}
