package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/lockfile"
	"github.com/minimirror/minimirror/internal/parallel"
	"github.com/minimirror/minimirror/internal/progress"
	"github.com/minimirror/minimirror/internal/sbom"
)

// licenceNotes are what files state of their licences, by SHA-256. What reads them differently gets another number.
const licenceNotes = "licences-1"

// allLicenceNotes are whole files of licences, each behind its SHA-256, by what they follow from.
const allLicenceNotes = "licences-all-1"

// licenceStep is how many items' licences are in memory with their texts.
const licenceStep = 64

// stated are the licences of an item, without the texts.
type stated struct {
	item               *artifact.Item
	expression, sameAs string
}

// licences reads the licences of all items from their files, and returns the file that the image has for SBOMs; nil: no item can state any. It
// depends on the items' files alone. What was read is noted in the cache.
func (b *Builder) licences(ctx context.Context, lock *lockfile.Lock) ([]byte, error) {
	jobs := b.licenceJobs(lock)
	if len(jobs) == 0 {
		return nil, nil
	}
	key := licencesKey(jobs)
	if data := b.notedLicences(key); data != nil {
		return data, nil
	}
	var size int64
	for _, job := range jobs {
		if b.Cache.Note(licenceNotes, job.file.SHA256) == nil {
			size += job.file.Size
		}
	}
	var phase *progress.Phase
	if size > 0 {
		phase = b.Progress.Phase("read licences", size)
	}
	data, err := b.readLicences(ctx, jobs, func(n int64) {
		if phase != nil {
			phase.Add(n)
		}
	})
	if phase != nil {
		phase.End(err)
	}
	if err == nil {
		sum := sha256.Sum256(data)
		_ = b.Cache.SetNote(allLicenceNotes, key, append(sum[:], data...)) // the next build puts it together again
	}
	return data, err
}

// licencesKey is the SHA-256 of all that the file of licences follows from.
func licencesKey(jobs []licenceJob) string {
	h := sha256.New()
	for _, job := range jobs {
		fmt.Fprintf(h, "%q %q %q %q %q %s\n", job.item.ID(), job.item.Source, job.item.Name, job.item.Version, job.item.Architecture(), job.file.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// notedLicences returns the file of licences that the cache noted, or nil.
func (b *Builder) notedLicences(key string) []byte {
	note := b.Cache.Note(allLicenceNotes, key)
	if len(note) < sha256.Size {
		return nil
	}
	if data := note[sha256.Size:]; sha256.Sum256(data) == [sha256.Size]byte(note[:sha256.Size]) {
		return data
	}
	return nil // damaged
}

// A licenceJob is a file that may state its item's licences.
type licenceJob struct {
	reader artifact.Licenser
	item   *artifact.Item
	file   *artifact.File
}

// licenceJobs are the files that may state licences: one of each item.
func (b *Builder) licenceJobs(lock *lockfile.Lock) (jobs []licenceJob) {
	able := map[string]artifact.Licenser{}
	for _, kind := range b.Kinds {
		if reader, is := artifact.Able[artifact.Licenser](kind); is {
			able[kind.Name()] = reader
		}
	}
	for i := range lock.Items {
		item := &lock.Items[i]
		reader := able[item.Kind]
		if reader == nil {
			continue
		}
		for f := range item.Files {
			if reader.StatesLicences(item, &item.Files[f]) {
				jobs = append(jobs, licenceJob{reader, item, &item.Files[f]})
				break
			}
		}
	}
	return jobs
}

func (b *Builder) readLicences(ctx context.Context, jobs []licenceJob, done func(int64)) ([]byte, error) {
	w, err := sbom.NewLicenceWriter()
	if err != nil {
		return nil, err
	}
	all := make([]stated, 0, len(jobs))
	read := make([]artifact.Licences, licenceStep)
	for len(jobs) > 0 {
		step := jobs[:min(len(jobs), licenceStep)]
		jobs = jobs[len(step):]
		if err := parallel.Each(len(step), runtime.GOMAXPROCS(0), func(i int) (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			read[i], err = b.readLicence(step[i], done)
			return err
		}); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, err
		}
		for i, job := range step {
			if err := w.Refs(read[i].Refs); err != nil {
				return nil, err
			}
			all = append(all, stated{job.item, read[i].Expression, read[i].SameAs})
		}
	}
	byName := make(map[string][]*stated, len(all))
	for i := range all {
		byName[all[i].item.Source+"/"+all[i].item.Name] = append(byName[all[i].item.Source+"/"+all[i].item.Name], &all[i])
	}
	for i := range all {
		if expression := all[i].resolve(byName); expression != "" {
			if err := w.Item(all[i].item.ID(), expression); err != nil {
				return nil, err
			}
		}
	}
	return w.Bytes()
}

// resolve finds what an item states, if need be through another item: preferably one of the same version and architecture.
func (s *stated) resolve(byName map[string][]*stated) string {
	if s.sameAs == "" {
		return s.expression
	}
	var best *stated
	points := -1
	for _, other := range byName[s.item.Source+"/"+s.sameAs] {
		p := 0
		if other.item.Version == s.item.Version {
			p += 2
		}
		if other.item.Architecture() == s.item.Architecture() {
			p++
		}
		if p > points {
			best, points = other, p
		}
	}
	if best == nil {
		return ""
	}
	return best.expression
}

// readLicence reads a file's licences, or what the cache noted of it. A file that cannot be read, though it is the one that was locked,
// states none.
func (b *Builder) readLicence(job licenceJob, done func(int64)) (l artifact.Licences, err error) {
	if note := b.Cache.Note(licenceNotes, job.file.SHA256); note != nil && json.Unmarshal(note, &l) == nil {
		return l, nil
	}
	defer done(job.file.Size)
	content := job.file.Content()
	f, err := b.Cache.Open(content)
	if err != nil {
		return l, fmt.Errorf("%s: %w", job.item, err)
	}
	defer f.Close()
	hash := content.Hasher()
	both := io.TeeReader(f, hash)
	l, unreadable := job.reader.ReadLicences(both)
	if _, err := io.Copy(io.Discard, both); err != nil {
		return l, err
	}
	if content.Verify(hash.Sum()) != nil {
		if _, err := b.Cache.Check(content); err != nil && !errors.Is(err, artifact.ErrVerify) {
			return l, err
		}
		return l, artifact.Hint(artifact.Verifyf("%s: the cache's file was damaged and has been removed", job.item), "type the same command again")
	}
	if unreadable != nil {
		b.Log.Warn("the licences of an item are not known", "item", job.item.String(), "error", unreadable)
		l = artifact.Licences{}
	}
	if note, err := json.Marshal(l); err == nil {
		_ = b.Cache.SetNote(licenceNotes, job.file.SHA256, note) // the next build reads the file again
	}
	return l, nil
}
