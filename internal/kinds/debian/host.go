package debian

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
		architecture: hostArchitecture(), checkValidUntil: true, checkDates: true,
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

// hostSources are this machine's own apt sources, grouped by repository.
func hostSources(ctx context.Context, log *slog.Logger) ([]source, error) {
	config, err := readAptConfig(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := config.entries()
	if err != nil {
		return nil, err
	}
	var sources []source
	trusted := sync.OnceValues(func() (openpgp.Keyring, error) { return config.trustedKeys(log) })
	for _, e := range entries {
		if e.skip != "" {
			log.Warn("apt source left out", "file", e.where, "reason", e.skip)
			continue
		}
		s, err := config.source(e, trusted)
		if err != nil {
			return nil, artifact.Hint(fmt.Errorf("%s: %w", e.where, err), "mend the source, or list the sources that you want in mirror.yaml")
		}
		sources = merge(sources, s)
	}
	if len(sources) == 0 {
		return nil, artifact.Hint(fmt.Errorf("this machine has no apt sources in %s or %s", config.sourceList, config.sourceParts),
			"list the sources in mirror.yaml")
	}
	nameSources(sources)
	return sources, nil
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
func (c aptConfig) source(e aptEntry, trusted func() (openpgp.Keyring, error)) (source, error) {
	s := source{
		architectures: e.architectures, checkDates: e.enabled("check-date", c.checkDates),
		checkValidUntil: e.enabled("check-valid-until", c.checkValidUntil),
	}
	if c.takePhased {
		s.phased = phasedTake
	}
	if e.enabled("trusted", false) {
		return s, fmt.Errorf("trusted=yes: a source without a verified signature can't be mirrored")
	}
	s.architectures = unique(s.architectures)
	if len(s.architectures) == 0 {
		s.architectures = []string{c.architecture}
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
		clean, err := cleanURL(u)
		if err != nil {
			return s, err
		}
		s.urls = append(s.urls, clean)
	}
	for _, name := range e.suites {
		name = strings.ReplaceAll(name, "$(ARCH)", c.architecture)
		if err := checkSuite(name, e.components); err != nil {
			return s, err
		}
		s.suites = append(s.suites, suite{name: name, components: e.components})
	}
	var err error
	s.keys, err = signersOf(e.signedBy, trusted)
	return s, err
}

// merge adds s to the source that has the same addresses and options, if any.
func merge(sources []source, s source) []source {
	for i := range sources {
		old := &sources[i]
		if !slices.Equal(old.urls, s.urls) || !slices.Equal(old.architectures, s.architectures) ||
			!sameKeys(old.keys, s.keys) || old.checkValidUntil != s.checkValidUntil || old.checkDates != s.checkDates {
			continue
		}
		for _, add := range s.suites {
			at := slices.IndexFunc(old.suites, func(o suite) bool { return o.name == add.name })
			if at < 0 {
				old.suites = append(old.suites, add)
				continue
			}
			for _, component := range add.components {
				if !slices.Contains(old.suites[at].components, component) {
					old.suites[at].components = append(slices.Clone(old.suites[at].components), component)
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
func nameSources(sources []source) {
	taken := make(map[string]int)
	for i := range sources {
		name := "source"
		if u, err := url.Parse(sources[i].urls[0]); err == nil {
			if base := path.Base(u.Path); artifact.ValidName(base) {
				name = base
			} else if artifact.ValidName(u.Hostname()) {
				name = u.Hostname()
			}
		}
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, taken[name])
		}
		sources[i].name = name
	}
}
