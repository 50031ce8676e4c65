package advisories

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// maxOSV bounds the uncompressed size of an export, and its number of files; the largest ecosystems have 1 GB in 200,000.
const (
	maxOSV        = 8 << 30
	maxOSVEntries = 2_000_000
)

// osvAdvisory is the part of the OSV schema (https://ossf.github.io/osv-schema) that counts here.
type osvAdvisory struct {
	ID        string          `json:"id"`
	Modified  time.Time       `json:"modified"`
	Withdrawn *time.Time      `json:"withdrawn"`
	Aliases   []string        `json:"aliases"`
	Upstream  []string        `json:"upstream"`
	Summary   string          `json:"summary"`
	Details   string          `json:"details"`
	Severity  []osvSeverity   `json:"severity"`
	Affected  []osvAffected   `json:"affected"`
	Database  json.RawMessage `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity []osvSeverity   `json:"severity"`
	Ranges   []osvRange      `json:"ranges"`
	Versions []string        `json:"versions"`
	Specific json.RawMessage `json:"ecosystem_specific"`
}

type osvRange struct {
	Type   string     `json:"type"`
	Events []osvEvent `json:"events"`
}

type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
}

// readOSV calls take for each advisory of an export: a zip archive of JSON files, one JSON object, a list of such, or one behind the other. It
// returns when the newest was modified.
func readOSV(file artifact.AdvisoryFile, size int64, r io.Reader, keep func(release string) bool, take func(*artifact.Advisory) error) (newest time.Time, err error) {
	one := func(value json.RawMessage) error {
		var o osvAdvisory
		if err := json.Unmarshal(value, &o); err != nil {
			return err
		}
		if o.ID == "" || o.Modified.IsZero() {
			return errors.New("it has no id, or does not say when it was modified")
		}
		if o.Modified.After(newest) {
			newest = o.Modified.UTC()
		}
		if o.Withdrawn != nil {
			return nil
		}
		for _, a := range o.advisories(keep) {
			if err := take(a); err != nil {
				return err
			}
		}
		return nil
	}
	buffered := bufio.NewReader(r)
	if magic, _ := buffered.Peek(2); string(magic) == "PK" {
		err = readZip(file, size, one)
	} else {
		err = readValues(buffered, one)
	}
	if err == nil && newest.IsZero() {
		err = errors.New("there is no advisory in it")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, zip.ErrFormat) {
		err = fmt.Errorf("it is cut off or damaged: %w", err)
	}
	if err != nil {
		return newest, artifact.Hint(fmt.Errorf("not advisories in the format of OSV: %w", err), "fetch the ecosystem's all.zip again")
	}
	return newest, nil
}

func readZip(file artifact.AdvisoryFile, size int64, one func(json.RawMessage) error) error {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return err
	}
	if len(archive.File) > maxOSVEntries {
		return fmt.Errorf("more than %d files", maxOSVEntries)
	}
	total := int64(0)
	for _, f := range archive.File {
		if path.Ext(f.Name) != ".json" {
			continue
		}
		body, err := f.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", short(f.Name), err)
		}
		text, err := io.ReadAll(io.LimitReader(body, maxRecord+1))
		if err = errors.Join(err, body.Close()); err == nil && len(text) > maxRecord {
			err = errTooLarge
		}
		if total += int64(len(text)); err == nil && total > maxOSV {
			err = fmt.Errorf("more than %d GiB", maxOSV>>30)
		}
		if err == nil {
			err = one(text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", short(f.Name), err)
		}
	}
	return nil
}

func readValues(r *bufio.Reader, one func(json.RawMessage) error) error {
	limited := newRecordReader(r)
	dec := json.NewDecoder(limited)
	next := func() error {
		limited.next()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		return one(value)
	}
	for {
		first, err := r.Peek(1)
		if err != nil || first[0] > ' ' {
			break
		}
		r.Discard(1)
	}
	if first, _ := r.Peek(1); string(first) != "[" {
		for {
			if err := next(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	if err := delim(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		if err := next(); err != nil {
			return err
		}
	}
	return delim(dec, ']')
}

// advisories are what the advisory says of each name: OSV has all names and releases in one.
func (o *osvAdvisory) advisories(keep func(string) bool) (all []*artifact.Advisory) {
	type key struct{ ecosystem, name string }
	place := make(map[key]*artifact.Advisory)
	id, aliases := o.identifiers()
	for i := range o.Affected {
		affected := &o.Affected[i]
		ecosystem, release, _ := strings.Cut(affected.Package.Ecosystem, ":")
		if ecosystem == "" || affected.Package.Name == "" || release != "" && !keep(release) {
			continue
		}
		s := artifact.AdvisoryStatement{Release: release, Status: artifact.AdvisoryRanges, Urgency: o.urgency(affected), Versions: affected.Versions}
		for _, r := range affected.Ranges {
			if r.Type != "GIT" {
				s.Ranges = append(s.Ranges, r.ranges()...)
			}
		}
		if len(s.Ranges) == 0 && len(s.Versions) == 0 {
			continue // commits alone
		}
		k := key{ecosystem, affected.Package.Name}
		a := place[k]
		if a == nil {
			text := o.Summary
			if text == "" {
				text = o.Details
			}
			a = &artifact.Advisory{ID: id, Aliases: aliases, Ecosystem: ecosystem, Name: affected.Package.Name, Summary: summary(text)}
			place[k] = a
			all = append(all, a)
		}
		a.Statements = append(a.Statements, s)
	}
	return all
}

// identifiers are the advisory's: that of the CVE first, if there is just one.
func (o *osvAdvisory) identifiers() (id string, aliases []string) {
	all := slices.Concat([]string{o.ID}, o.Aliases, o.Upstream)
	var cves []string
	for _, name := range all {
		if strings.HasPrefix(name, "CVE-") && !slices.Contains(cves, name) {
			cves = append(cves, name)
		}
	}
	id = o.ID
	if len(cves) == 1 {
		id = cves[0]
	}
	for _, name := range all {
		if name != id && name != "" && !slices.Contains(aliases, name) {
			aliases = append(aliases, name)
		}
	}
	slices.Sort(aliases)
	return id, aliases
}

// ranges turns events, which are in the order of versions, into ranges.
func (r *osvRange) ranges() (all []artifact.AdvisoryRange) {
	for _, e := range r.Events {
		last := len(all) - 1
		switch {
		case e.Introduced != "":
			all = append(all, artifact.AdvisoryRange{Introduced: e.Introduced})
		case last < 0 || all[last].Fixed != "":
		case e.Fixed != "":
			all[last].Fixed, all[last].Last = e.Fixed, ""
		case e.LastAffected != "":
			all[last].Last = e.LastAffected
		}
	}
	return all
}
