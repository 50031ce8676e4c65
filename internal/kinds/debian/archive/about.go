package archive

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// An About is an index that says more about the binary packages of a component than Packages does. The mirror publishes the part
// of upstream's that is about what it carries. Upstream's own files are proofs; lock does not read them, build does.
type About struct {
	Name         string   // below the suite's folder, without compression: "main/i18n/Translation-de"
	Component    string   // of the packages
	Architecture string   // of the nodes that read it; empty: of all
	option       string   // that asks for it
	from         []string // where upstream has it; the first that is there counts
	beside       string   // another index of upstream that is joined with it, where there is one
}

// Abouts lists the indexes of this kind of a suite.
func (f Further) Abouts(components, architectures []string) (all []About) {
	for _, component := range components {
		for _, language := range f.Translations {
			name := path.Join(component, "i18n/Translation-"+language)
			all = append(all, About{Name: name, Component: component, option: "translations: [" + language + "]", from: []string{name}})
		}
		for _, architecture := range architectures {
			if f.Contents {
				file := "Contents-" + architecture
				all = append(all, About{Name: path.Join(component, file), Component: component, Architecture: architecture, option: "contents: true",
					from: []string{path.Join(component, file), file}, beside: path.Join(component, "Contents-all")})
			}
			if f.Commands {
				name := path.Join(component, "cnf/Commands-"+architecture)
				all = append(all, About{Name: name, Component: component, Architecture: architecture, option: "commands: true", from: []string{name}})
			}
			if f.AppStream {
				name := path.Join(component, "dep11/Components-"+architecture+".yml")
				all = append(all, About{Name: name, Component: component, Architecture: architecture, option: "appstream: true", from: []string{name}})
			}
		}
	}
	return all
}

// aboutJobs lists upstream's files of these indexes, each once.
func aboutJobs(src Source, s Suite, r *Release) (jobs []indexJob) {
	seen := make(map[string]bool)
	add := func(name, option string) bool {
		if seen[name] {
			return true
		}
		job, found := newIndexJob(src, s.Name, r, name)
		if found {
			seen[name] = true
			job.lists, job.option = listsAbout, option
			jobs = append(jobs, job)
		}
		return found
	}
	for _, about := range src.Further.Abouts(s.Components, src.Architectures) {
		if !slices.ContainsFunc(about.from, func(name string) bool { return add(name, about.option) }) {
			r.missing = append(r.missing, about.from[0])
			continue
		}
		if about.beside != "" {
			add(about.beside, about.option)
		}
	}
	return jobs
}

// keep brings one encoding of an index into the cache, verified, and does not decode it.
func (c *consultation) keep(ctx context.Context, job *indexJob) error {
	var err error
	for i := range job.files {
		var content artifact.Content
		if content, err = artifact.Bring(ctx, c.upstream, job.files[i].URLs, job.files[i].Content); err == nil {
			job.used, job.files[i].Content = i, content
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// checkAbouts refuses an option for which no suite of its source has an index.
func (up *Upstream) checkAbouts(src *Source, releases []*Release) error {
	for _, about := range src.Further.Abouts(src.Suites[0].Components[:min(1, len(src.Suites[0].Components))], src.Architectures[:min(1, len(src.Architectures))]) {
		if slices.ContainsFunc(up.Indexes, func(job indexJob) bool { return job.Origin.Source == src.Name && job.option == about.option }) {
			continue
		}
		err := fmt.Errorf("debian: source %s: %s: none of its suites lists such an index: there is no %s", src.Name, about.option, strings.Join(about.from, " and no "))
		if languages := releases[0].languages(); strings.HasPrefix(about.option, "translations") && len(languages) > 0 {
			return artifact.Hint(err, "the suite %s has these languages: %s", releases[0].suite, strings.Join(languages, ", "))
		}
		return artifact.Hint(err, "leave the option out, or name an archive that has such an index")
	}
	return nil
}

// languages are those for which a release lists descriptions.
func (r *Release) languages() (all []string) {
	for name := range r.Files {
		if language, found := strings.CutPrefix(path.Base(name), "Translation-"); found && path.Ext(language) == "" {
			all = append(all, language)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Upstream lists the proofs of a release that an index is made of: upstream's files, in whatever encoding.
func (a *About) Upstream(r *artifact.Release) (proofs []*artifact.Proof) {
	find := func(name string) bool {
		for i := range r.Proofs {
			below := strings.TrimPrefix(r.Proofs[i].Path, deb822.Dists(r.Name)+"/")
			if slices.ContainsFunc(encodings, func(e encoding) bool { return below == name+e.suffix }) {
				proofs = append(proofs, &r.Proofs[i])
				return true
			}
		}
		return false
	}
	if slices.ContainsFunc(a.from, find) && a.beside != "" {
		find(a.beside)
	}
	return proofs
}

// Decode decodes an index by its name. Close does not close what it reads.
func Decode(name string, r io.Reader) (io.ReadCloser, error) {
	for _, e := range encodings {
		if e.suffix != "" && strings.HasSuffix(name, e.suffix) {
			return e.decode(r)
		}
	}
	return io.NopCloser(r), nil
}
