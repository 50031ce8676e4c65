package main

import (
	"fmt"
	"testing"
)

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.7": "[10.0.0.7/32]", "10.0.0.0/8": "[10.0.0.0/8]", "2001:db8::/32": "[2001:db8::/32]", "::1": "[::1/128]",
		"::ffff:10.0.0.7": "[10.0.0.7/32]", // by IPv4, however it is written
		"fe80::1%eth0":    "[fe80::1/128]",
		"10.0.0.7/8":      "", "proxy": "", "": "", "fe80::1%eth0/64": "",
	} {
		got, err := networks([]string{text})
		if want == "" && err == nil || want != "" && (err != nil || fmt.Sprint(got) != want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
