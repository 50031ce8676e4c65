package archive

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/compression"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// An indexJob is one index to fetch.
type indexJob struct {
	lists  listing
	option string // that asks for it, of an index about packages
	Origin deb822.Origin
	name   string // below the suite's folder, without compression: "main/binary-amd64/Packages"
	want   artifact.Content
	files  []artifact.RemoteFile // nil: the index is empty
	paths  []string              // of files, below the source
	Text   []byte
	used   int // index in files of the one that was read; its content then has a SHA-256
}

// wrap says which index an error is about.
func (j *indexJob) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", j.name, err)
}

// An encoding is a compression of indexes.
type encoding struct {
	suffix string
	decode func(io.Reader) (io.ReadCloser, error)
}

// encodings of an index, the smallest first.
var encodings = []encoding{
	{".xz", compression.Decoder(".xz")},
	{".zst", compression.Decoder(".zst")},
	{".bz2", compression.Decoder(".bz2")},
	{".gz", compression.Decoder(".gz")},
	{"", nil},
}

// indexJobs lists the indexes of a suite: one a component and architecture, and
// that of "all" where upstream keeps it apart. As with apt, upstream need not have
// all of them: r.missing gets the missing ones.
func indexJobs(src Source, s Suite, r *Release) (jobs []indexJob) {
	add := func(name, component, architecture string) {
		job, found := newIndexJob(src, s.Name, r, name)
		if !found {
			if architecture != "all" { // many archives announce it and few publish it
				r.missing = append(r.missing, name)
			}
			return
		}
		job.Origin.Component, job.Origin.Architecture = component, architecture
		jobs = append(jobs, job)
	}
	if deb822.IsFlat(s.Name) {
		add("Packages", "", "")
		return jobs
	}
	architectures := src.Architectures
	if slices.Contains(r.Header.List("Architectures"), "all") && !slices.Contains(r.Header.List("No-Support-for-Architecture-all"), "Packages") {
		architectures = append(slices.Clone(architectures), "all")
	}
	for _, component := range s.Components {
		for _, architecture := range architectures {
			add(path.Join(component, "binary-"+architecture, "Packages"), component, architecture)
		}
	}
	return jobs
}

// newIndexJob finds an index in the release. An index that is empty needs no file.
func newIndexJob(src Source, suite string, r *Release, name string) (job indexJob, found bool) {
	job = indexJob{Origin: deb822.Origin{Source: src.Name, Suite: suite, Alias: r.alias(suite), Priority: cmp.Or(src.pin, deb822.ReleasePriority(r.Header)), TakePhased: src.Phased == PhasedTake}, name: name, want: artifact.Content{Size: -1}}
	if plain, ok := r.Files[name]; ok {
		job.want = plain
	}
	if job.want.Size == 0 {
		return job, true
	}
	byHash := strings.EqualFold(r.Header.Get("Acquire-By-Hash"), "yes")
	for _, e := range encodings {
		content, ok := r.Files[name+e.suffix]
		if !ok {
			continue
		}
		file := artifact.RemoteFile{Content: content, Decode: e.decode}
		for _, list := range releaseLists {
			if digest := *list.digest(&content); byHash && digest != "" {
				file.URLs = append(file.URLs, src.Addresses(path.Join(deb822.Dists(suite), path.Dir(name), "by-hash", list.field, digest))...)
			}
		}
		file.URLs = append(file.URLs, src.Addresses(path.Join(deb822.Dists(suite), name+e.suffix))...)
		job.files = append(job.files, file)
		job.paths = append(job.paths, path.Join(deb822.Dists(suite), name+e.suffix))
	}
	return job, job.files != nil
}
