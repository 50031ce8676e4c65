package debian

import (
	"context"
	"log/slog"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/aptconf"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
)

// hostWord stands for this machine's own sources, alone or in a list with others.
const hostWord = "host"

// parseSources reads the sources of a definition; host means this machine's own.
func parseSources(section artifact.Section, dir string) (sources []archive.Source, host bool, err error) {
	if section.IsText() {
		var word string
		if err := section.Decode(&word); err != nil {
			return nil, false, err
		}
		if word != hostWord {
			return nil, false, section.Errorf("sources: %q: write host, or a list of sources", word)
		}
		return nil, true, nil
	}
	var entries []artifact.Section
	if err := section.Decode(&entries); err != nil {
		return nil, false, err
	}
	if len(entries) == 0 {
		return nil, false, section.Errorf("sources: the list is empty")
	}
	for _, entry := range entries {
		var word string
		if entry.IsText() && entry.Decode(&word) == nil && word == hostWord {
			if host {
				return nil, false, entry.Errorf("sources: host may be listed only once")
			}
			host = true
			continue
		}
		if err := refuseHostOptions(entry); err != nil {
			return nil, false, err
		}
		one, err := archive.ParseSource(entry, dir)
		if err != nil {
			return nil, false, err
		}
		if slices.ContainsFunc(sources, func(o archive.Source) bool { return o.Name == one.Name }) {
			return nil, false, entry.Errorf("two sources are called %q", one.Name)
		}
		sources = append(sources, one)
	}
	return sources, host, nil
}

// refuseHostOptions refuses an entry that gives options to this machine's own sources. They are of several archives, of which few have
// what an option asks for.
func refuseHostOptions(entry artifact.Section) error {
	var keys map[string]artifact.Section
	if entry.IsText() || entry.Decode(&keys) != nil {
		return nil // ParseSource says what is wrong
	}
	at := keys[hostWord]
	if at == nil && keys["urls"] == nil && keys["debs"] == nil && keys["name"] != nil {
		if name := ""; keys["name"].Decode(&name) == nil && name == hostWord {
			at = keys["name"]
		}
	}
	if at == nil {
		return nil
	}
	return artifact.Hint(at.Errorf("sources: host takes no options: it means all sources of this machine's apt, as they are"),
		"write the source that the options are for: { name: debian, urls: [URL], suites: [SUITE], components: [main], signed-by: FILE, contents: true }, instead of host or beside it in the list")
}

// allSources are this machine's own sources, if the definition takes them, and its others.
func (s *spec) allSources(ctx context.Context, log *slog.Logger) (all []archive.Source, err error) {
	if s.host {
		if all, err = aptconf.Sources(ctx, log); err != nil {
			return nil, err
		}
	}
	for i := range all {
		all[i].Name = s.sourceName(all[i].Name)
		if s.phased != "" {
			all[i].Phased = s.phased
		}
		if slices.ContainsFunc(s.sources, func(o archive.Source) bool { return o.Name == all[i].Name }) {
			return nil, artifact.Hint(s.section.Errorf("debian: a source is called %q, as one of this machine's own", all[i].Name), "give it another name")
		}
	}
	for _, one := range s.sources {
		if one.Phased == "" {
			one.Phased = s.phased
		}
		all = append(all, one)
	}
	return all, nil
}
