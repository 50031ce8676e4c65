package main

import (
	"runtime/debug"
	"testing"
)

func TestVersionOf(t *testing.T) {
	info := func(main string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: main}, Settings: settings}
	}
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, test := range []struct {
		stated string
		info   *debug.BuildInfo
		want   string
	}{
		{"1.2.0", info("v1.1.0", commit), "1.2.0"},
		{"", info("v1.2.0"), "1.2.0"},
		{"", info("v1.2.1-0.20261130120000-0123456789ab+dirty"), "1.2.1-0.20261130120000-0123456789ab+dirty"},
		{"", info("(devel)", commit), "0.0.0+g0123456789ab"},
		{"", info("(devel)", commit, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "0.0.0+g0123456789ab.dirty"},
		{"", info("(devel)"), "unknown"},
		{"", info(""), "unknown"},
	} {
		if got := versionOf(test.stated, test.info); got != test.want {
			t.Errorf("%q, %v: %s, want %s", test.stated, test.info, got, test.want)
		}
	}
}
