package main

import (
	"regexp"
	"testing"

	"github.com/spf13/pflag"
)

// vocabulary has the flags that several verbs share, and what the usage of such a flag says. A flag whose usage says so has this name.
var vocabulary = map[string]*regexp.Regexp{
	"address":        regexp.MustCompile(`^address of the mirror,`),
	"image":          regexp.MustCompile(`^(image to|image that (the|was)|image or lock|where the image is$)`),
	"platform":       regexp.MustCompile(`\bplatforms?\b.*linux/arm64`),
	"registry-ca":    regexp.MustCompile(`authorities to accept for the registry`),
	"registry-hosts": regexp.MustCompile(`hosts\.toml`),
	"insecure":       regexp.MustCompile(`\bcertificate (need not|that does not) verify`),
	"ca":             regexp.MustCompile(`authorities to accept, besides`),
	"client-cert":    regexp.MustCompile(`certificate to show`),
	"client-key":     regexp.MustCompile(`^PEM file with its key`),
	"parallel":       regexp.MustCompile(`at a time`),
	"limit-rate":     regexp.MustCompile(`per second for all transfers`),
	"sign-key":       regexp.MustCompile(`OpenPGP private key`),
	"rules":          regexp.MustCompile(`^file of rules`),
	"format":         regexp.MustCompile(`text(, json or markdown| or json)`),
	"dry-run":        regexp.MustCompile(`what would (be installed|change)`),
	"package":        regexp.MustCompile(`a package with all it needs`),
	"to":             regexp.MustCompile(`(into this|new) folder`),
	"debug":          regexp.MustCompile(`^log details`),
}

// TestVocabulary wants one name in all verbs for flags that mean the same.
func TestVocabulary(t *testing.T) {
	used := make(map[string]int)
	usages := make(map[string]string) // to a flag's name
	for _, verb := range verbNames() {
		_, flags := describe(verb)
		visitShown(flags, func(f *pflag.Flag) {
			if other, found := usages[f.Usage]; found && other != f.Name {
				t.Errorf("%s --%s says the same as --%s elsewhere: %s", verb, f.Name, other, f.Usage)
			}
			usages[f.Usage] = f.Name
			for name, says := range vocabulary {
				if says.MatchString(f.Usage) && f.Name != name {
					t.Errorf("%s --%s: %q: call it --%s, as elsewhere", verb, f.Name, f.Usage, name)
				} else if says.MatchString(f.Usage) {
					used[name]++
				}
			}
		})
	}
	for name := range vocabulary {
		if used[name] < 2 {
			t.Errorf("--%s: %d verbs say this of it, want several", name, used[name])
		}
	}
}

// TestFormerNames gives flags by the names that they had, which --help does not show.
func TestFormerNames(t *testing.T) {
	for verb, names := range map[string]map[string]string{
		"bootstrap":   {"ca": "registry-ca", "hosts-dir": "registry-hosts"},
		"healthcheck": {"url": "address"},
		"serve":       {"root": ""},
	} {
		_, flags := describe(verb)
		for old, name := range names {
			f := flags.Lookup(old)
			if f == nil || !f.Hidden {
				t.Fatalf("%s --%s: %v", verb, old, f)
			}
			if err := flags.Set(old, "http://value"); err != nil {
				t.Error(err)
			} else if name != "" && flags.Lookup(name).Value.String() != "http://value" {
				t.Errorf("%s --%s does not set --%s", verb, old, name)
			}
		}
	}
	for _, verb := range verbNames() {
		_, flags := describe(verb)
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden && f.Name != "root" && f.Name != "url" && f.Name != "ca" && f.Name != "hosts-dir" {
				t.Errorf("%s --%s is hidden", verb, f.Name)
			}
		})
	}
}
