// Package aptconf reads how apt is set up on this machine: its sources (sources.list(5)), the keys that they trust, its logins
// (apt_auth.conf(5)), proxies and certificates (apt.conf(5)). "sources: host" in a definition means what it finds.
package aptconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// aptConfig is what this machine's apt is configured with: apt.conf(5).
type aptConfig struct {
	sourceList, sourceParts     string // sources.list and sources.list.d
	trusted, trustedParts       string // keys for sources without Signed-By
	netrc, netrcParts           string // logins: auth.conf and auth.conf.d
	architecture                string
	checkValidUntil, checkDates bool
	takePhased                  bool
}

// readAptConfig asks apt-config; a machine without it has apt's defaults.
func readAptConfig(ctx context.Context) (aptConfig, error) {
	c := aptConfig{
		sourceList: "/etc/apt/sources.list", sourceParts: "/etc/apt/sources.list.d",
		trusted: "/etc/apt/trusted.gpg", trustedParts: "/etc/apt/trusted.gpg.d",
		netrc: "/etc/apt/auth.conf", netrcParts: "/etc/apt/auth.conf.d",
		architecture: archive.HostArchitecture(), checkValidUntil: true, checkDates: true,
	}
	out, err := exec.CommandContext(ctx, "apt-config", "shell",
		"SOURCELIST", "Dir::Etc::sourcelist/f", "SOURCEPARTS", "Dir::Etc::sourceparts/d",
		"TRUSTED", "Dir::Etc::trusted/f", "TRUSTEDPARTS", "Dir::Etc::trustedparts/d",
		"NETRC", "Dir::Etc::netrc/f", "NETRCPARTS", "Dir::Etc::netrcparts/d",
		"ARCHITECTURE", "APT::Architecture",
		"CHECKVALIDUNTIL", "Acquire::Check-Valid-Until/b", "CHECKDATE", "Acquire::Check-Date/b",
		"TAKEPHASED", "Update-Manager::Always-Include-Phased-Updates/b", "TAKEPHASED", "APT::Get::Always-Include-Phased-Updates/b").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("apt-config: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, "'")
		switch name {
		case "SOURCELIST":
			c.sourceList = value
		case "SOURCEPARTS":
			c.sourceParts = value
		case "TRUSTED":
			c.trusted = value
		case "TRUSTEDPARTS":
			c.trustedParts = value
		case "NETRC":
			c.netrc = value
		case "NETRCPARTS":
			c.netrcParts = value
		case "ARCHITECTURE":
			c.architecture = value
		case "CHECKVALIDUNTIL":
			c.checkValidUntil = value != "false"
		case "CHECKDATE":
			c.checkDates = value != "false"
		case "TAKEPHASED":
			c.takePhased = value != "false"
		}
	}
	return c, nil
}

// Sources are this machine's own apt sources, grouped by repository.
func Sources(ctx context.Context, log *slog.Logger) ([]archive.Source, error) {
	config, err := readAptConfig(ctx)
	if err != nil {
		return nil, err
	}
	sources, _, err := config.sources(log, func(e aptEntry, err error) error {
		if e.skip != "" {
			log.Warn("apt source left out", "file", e.where, "reason", e.skip)
			return nil
		}
		return artifact.Hint(fmt.Errorf("%s: %w", e.where, err), "mend the source, or list the sources that you want in mirror.yaml")
	})
	if err == nil && len(sources) == 0 {
		err = artifact.Hint(config.noSources(), "list the sources in mirror.yaml")
	}
	return sources, err
}

func (c aptConfig) noSources() error {
	return fmt.Errorf("this machine has no apt sources in %s or %s", c.sourceList, c.sourceParts)
}

// sources are those of all entries, grouped by repository, each with the first of its entries. leaveOut is called for an entry that
// can't be mirrored, and says whether the others are wanted nevertheless.
func (c aptConfig) sources(log *slog.Logger, leaveOut func(e aptEntry, err error) error) (sources []archive.Source, first []aptEntry, err error) {
	entries, err := c.entries()
	if err != nil {
		return nil, nil, err
	}
	trusted := sync.OnceValues(func() (openpgp.Keyring, error) { return c.trustedKeys(log) })
	for _, e := range entries {
		var s archive.Source
		if err = errors.New(e.skip); e.skip == "" {
			s, err = c.source(e, trusted)
		}
		if err != nil {
			if err = leaveOut(e, err); err != nil {
				return nil, nil, err
			}
			continue
		}
		if sources = merge(sources, s); len(sources) > len(first) {
			first = append(first, e)
		}
	}
	nameSources(sources)
	return sources, first, nil
}

// entries reads every file that apt reads: sources.list(5).
func (c aptConfig) entries() ([]aptEntry, error) {
	parts, err := partsOf(c.sourceParts, "list", "sources")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []aptEntry
	for _, file := range append([]string{c.sourceList}, parts...) {
		data, err := artifact.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && file == c.sourceList {
			continue
		}
		if err != nil {
			return nil, err
		}
		parse := parseSourcesList
		if strings.HasSuffix(file, ".sources") {
			parse = parseSourcesFile
		}
		entries, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i := range entries {
			entries[i].where = fmt.Sprintf("%s:%d", file, entries[i].line)
		}
		all = append(all, entries...)
	}
	return all, nil
}

// source turns an entry into a source without a name. trusted are the keys for sources without Signed-By.
func (c aptConfig) source(e aptEntry, trusted func() (openpgp.Keyring, error)) (archive.Source, error) {
	s := archive.Source{
		Architectures: e.architectures, CheckDates: e.enabled("check-date", c.checkDates),
		CheckValidUntil: e.enabled("check-valid-until", c.checkValidUntil),
	}
	if c.takePhased {
		s.Phased = archive.PhasedTake
	}
	if e.enabled("trusted", false) {
		return s, fmt.Errorf("trusted=yes: a source without a verified signature can't be mirrored")
	}
	s.Architectures = unique(s.Architectures)
	if len(s.Architectures) == 0 {
		s.Architectures = []string{c.architecture}
	}
	uris := e.uris
	for i, u := range uris {
		if file, is := strings.CutPrefix(u, "mirror+file:"); is {
			listed, err := mirrorList(path.Clean("/" + file))
			if err != nil {
				return s, err
			}
			uris = slices.Concat(uris[:i], listed, uris[i+1:])
			break
		}
	}
	for _, u := range uris {
		for _, local := range []string{"file:", "copy:"} { // apt accepts file:/path
			if after, is := strings.CutPrefix(u, local); is {
				u = "file://" + path.Clean("/"+after)
			}
		}
		clean, err := archive.CleanURL(u)
		if err != nil {
			return s, err
		}
		s.URLs = append(s.URLs, clean)
	}
	for _, name := range e.suites {
		name = strings.ReplaceAll(name, "$(ARCH)", c.architecture)
		if err := archive.CheckSuite(name, e.components); err != nil {
			return s, err
		}
		s.Suites = append(s.Suites, archive.Suite{Name: name, Components: e.components})
	}
	var err error
	s.Keys, err = signersOf(e.signedBy, trusted)
	return s, err
}

// merge adds s to the source that has the same addresses and options, if any.
func merge(sources []archive.Source, s archive.Source) []archive.Source {
	for i := range sources {
		old := &sources[i]
		if !slices.Equal(old.URLs, s.URLs) || !slices.Equal(old.Architectures, s.Architectures) ||
			!sameKeys(old.Keys, s.Keys) || old.CheckValidUntil != s.CheckValidUntil || old.CheckDates != s.CheckDates {
			continue
		}
		for _, add := range s.Suites {
			at := slices.IndexFunc(old.Suites, func(o archive.Suite) bool { return o.Name == add.Name })
			if at < 0 {
				old.Suites = append(old.Suites, add)
				continue
			}
			for _, component := range add.Components {
				if !slices.Contains(old.Suites[at].Components, component) {
					old.Suites[at].Components = append(slices.Clone(old.Suites[at].Components), component)
				}
			}
		}
		return sources
	}
	return append(sources, s)
}

func unique(words []string) (once []string) {
	for _, w := range words {
		if !slices.Contains(once, w) {
			once = append(once, w)
		}
	}
	return once
}

// mirrorList reads a file of addresses, apt-transport-mirror(1): one a line, more
// words behind it are conditions.
func mirrorList(file string) (urls []string, err error) {
	data, err := artifact.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			urls = append(urls, words[0])
		}
	}
	return urls, nil
}

// nameSources names each source after the last part of its first address, or
// its host; a number tells apart those that would be called the same.
func nameSources(sources []archive.Source) {
	taken := make(map[string]int)
	for i := range sources {
		name := "source"
		if u, err := url.Parse(sources[i].URLs[0]); err == nil {
			if base := path.Base(u.Path); artifact.ValidName(base) {
				name = base
			} else if artifact.ValidName(u.Hostname()) {
				name = u.Hostname()
			}
		}
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, taken[name])
		}
		sources[i].Name = name
	}
}
