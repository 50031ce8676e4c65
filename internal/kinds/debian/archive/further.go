package archive

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Further says which indexes, beside those of binary packages, are taken from every suite of a source.
type Further struct {
	Sources      bool     // of source packages: "sources: true"
	Translations []string // descriptions in these languages
	Contents     bool     // names of the packages' files
	Udebs        bool     // packages of the installer: "udebs: true"
	Installer    []string // folders of images of the installer: netboot, cdrom, …
	Commands     bool     // names of the packages' commands, for command-not-found
	AppStream    bool     // what software centers show: the packages' AppStream metadata (DEP-11)
}

// indexesField is a line of a lock's metadata of a release. It says what the mirror publishes for the suite beside Packages;
// it is not a field of the mirror's Release.
const indexesField = "Indexes: "

// check refuses what no archive can have.
func (f Further) check(suites []Suite) error {
	for i, language := range f.Translations {
		switch {
		case !artifact.ValidName(language) || strings.ContainsAny(language, ".+~"):
			return fmt.Errorf("translations: %q is not a language: write en, de, pt_BR, …", language)
		case slices.Contains(f.Translations[:i], language):
			return fmt.Errorf("translations: %q is listed twice", language)
		}
	}
	for i, folder := range f.Installer {
		if !artifact.ValidName(folder) || slices.Contains(f.Installer[:i], folder) {
			return fmt.Errorf("installer: %q is not the name of a folder of images, or is listed twice: write netboot, cdrom, hd-media, …", folder)
		}
	}
	for _, s := range suites {
		if deb822.IsFlat(s.Name) && (f.Udebs || f.Installer != nil) {
			return fmt.Errorf("udebs and installer: the suite %q is flat, and flat repositories have neither: leave them out, or list the suite in a source of its own", s.Name)
		}
		if at := slices.IndexFunc(s.Components, deb822.IsUdebComponent); f.Udebs && at >= 0 {
			return fmt.Errorf("udebs: true takes %s with its component: remove it from components", s.Components[at])
		}
		if deb822.IsFlat(s.Name) && f.Published() {
			return fmt.Errorf("translations, contents, commands and appstream: the suite %q is flat, and flat repositories have none: leave them out, or list the suite in a source of its own", s.Name)
		}
	}
	return nil
}

// Published reports whether build makes some of these indexes of what upstream signed.
func (f Further) Published() bool { return f.Abouts([]string{""}, []string{""}) != nil }

// lines are the metadata that FurtherOf reads.
func (f Further) lines() []string {
	var words []string
	if f.Sources {
		words = append(words, "Sources")
	}
	for _, language := range f.Translations {
		words = append(words, "Translation-"+language)
	}
	if f.Contents {
		words = append(words, "Contents")
	}
	if f.Commands {
		words = append(words, "Commands")
	}
	if f.AppStream {
		words = append(words, "Components")
	}
	if f.Udebs {
		words = append(words, "Udebs")
	}
	if f.Installer != nil {
		words = append(words, "Installer")
	}
	if words == nil {
		return nil
	}
	return []string{indexesField + strings.Join(words, " ")}
}

// FurtherOf is what a pinned release has beside Packages. rest is its metadata without that.
func FurtherOf(r *artifact.Release) (f Further, rest []string) {
	for _, line := range r.Metadata {
		list, found := strings.CutPrefix(line, indexesField)
		if !found {
			rest = append(rest, line)
			continue
		}
		for _, word := range strings.Fields(list) {
			language, translation := strings.CutPrefix(word, "Translation-")
			switch {
			case word == "Sources":
				f.Sources = true
			case word == "Contents":
				f.Contents = true
			case word == "Udebs":
				f.Udebs = true
			case word == "Installer":
				f.Installer = []string{}
			case word == "Commands":
				f.Commands = true
			case word == "Components":
				f.AppStream = true
			case translation:
				f.Translations = append(f.Translations, language)
			}
		}
	}
	return f, rest
}

// A listing is what an index lists.
type listing int

const (
	listsPackages listing = iota
	listsSources
	listsUdebs
	listsInstaller
	listsAbout // says more about packages
)

// SourcesIndex is the name of the index of source packages, below the suite's folder.
func SourcesIndex(component string) string {
	if component == "" { // a flat repository
		return "Sources"
	}
	return path.Join(component, "source/Sources")
}

// furtherJobs lists the indexes of a suite beside Packages.
func furtherJobs(src Source, s Suite, r *Release) (jobs []indexJob) {
	add := func(what listing, name, component, architecture string) {
		job, found := newIndexJob(src, s.Name, r, name)
		if !found {
			r.missing = append(r.missing, name)
			return
		}
		job.lists, job.Origin.Component, job.Origin.Architecture, job.Origin.Udebs = what, component, architecture, what == listsUdebs
		jobs = append(jobs, job)
	}
	components := s.Components
	if deb822.IsFlat(s.Name) {
		components = []string{""}
	}
	for _, component := range components {
		if src.Further.Sources {
			add(listsSources, SourcesIndex(component), component, deb822.SourceArchitecture)
		}
		if src.Further.Udebs {
			for _, architecture := range src.Architectures {
				add(listsUdebs, deb822.UdebIndex(component, architecture), component, architecture)
			}
		}
	}
	return jobs
}

// Packages are the indexes of binary packages.
func (up *Upstream) Packages() []indexJob { return up.listing(listsPackages) }

// SourcePackages are the indexes of source packages.
func (up *Upstream) SourcePackages() []indexJob { return up.listing(listsSources) }

// Udebs are the indexes of the installer's packages.
func (up *Upstream) Udebs() []indexJob { return up.listing(listsUdebs) }

func (up *Upstream) listing(what listing) []indexJob {
	return slices.DeleteFunc(slices.Clone(up.Indexes), func(job indexJob) bool { return job.lists != what })
}
