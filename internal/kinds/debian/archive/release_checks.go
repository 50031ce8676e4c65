package archive

import (
	"cmp"
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

const maxFuture = 10 * time.Second // apt's Acquire::Max-FutureTime

// checkDates refuses a release without a date, from the future, or expired. If the source's dates
// are not checked, the time of the signature replaces an unusable date: upstream has signed that, too.
func (r *Release) checkDates(src Source, now time.Time) error {
	future := r.undated == nil && r.date.Sub(now) > maxFuture
	switch {
	case r.undated != nil && src.CheckDates:
		return artifact.Hint(fmt.Errorf("%s: Date: %w", r.url, r.undated),
			"set check-date: false on the source (with \"sources: host\": Check-Date: no, as in sources.list(5)); lock then uses the time of the signature")
	case future && src.CheckDates:
		return artifact.Hint(artifact.Verifyf("%s: it is not valid yet: its date is %s, this machine's clock says %s", r.url, r.date.Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
			"set this machine's clock")
	case future:
		r.undated = fmt.Errorf("%s is in the future", r.date.Format(time.RFC3339))
	}
	if r.undated != nil {
		if r.date = r.Made; r.date.Year() < minYear {
			return artifact.Verifyf("%s: neither its date nor the time of its signature (%s) can be used", r.url, r.date.Format(time.RFC3339))
		}
	}
	if !src.CheckDates || !src.CheckValidUntil || r.Header.Get("Valid-Until") == "" {
		return nil
	}
	until, err := parseDate(r.Header.Get("Valid-Until"))
	if err != nil {
		return fmt.Errorf("%s: Valid-Until: %w", r.url, err)
	}
	if now.After(until) {
		return artifact.Hint(artifact.Verifyf("%s: it expired at %s (now %s): the mirror is out of date, or somebody shows you an old state", r.url, until.Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
			"use a mirror that is up to date; for an archive that is meant to be old, set check-valid-until: false on the source")
	}
	return nil
}

// checkAge refuses a release that is older than the one in the lock before: its
// signature is as good, but it hides what has been mended since.
func (r *Release) checkAge(src Source, previous []artifact.Source) error {
	for _, s := range previous {
		if s.Name != src.Name {
			continue
		}
		for _, old := range s.Releases {
			if old.Name == r.suite && r.date.Before(old.Date) {
				return artifact.Hint(artifact.Verifyf("%s: it is of %s, older than the one of %s in the lock: the mirror is behind, or somebody shows you an old state",
					r.url, r.date.Format(time.RFC3339), old.Date.UTC().Format(time.RFC3339)),
					"wait until the mirror has caught up, or use another; to go back on purpose, remove mirror.lock")
			}
		}
	}
	return nil
}

// checkName refuses the release of another suite: all suites of an archive are
// signed with one key. A suite is asked for by the Suite or the Codename of its
// Release; apt's exceptions hold, too ("stretch/updates" says stretch). A flat
// repository, and a Release that names neither, can be of anything.
func (r *Release) checkName(src Source) error {
	suite, codename := r.Header.Get("Suite"), r.Header.Get("Codename")
	if deb822.IsFlat(r.suite) || suite == "" && codename == "" {
		return nil
	}
	asked := []string{r.suite}
	if i := strings.LastIndexByte(r.suite, '/'); i >= 0 {
		asked = append(asked, r.suite[:i], r.suite[i+1:])
	}
	for _, name := range append(asked, src.releaseNames...) {
		if name == suite || name == codename {
			return nil
		}
	}
	says := cmp.Or(suite, codename)
	if codename != "" && codename != says {
		says = fmt.Sprintf("%s (%s)", suite, codename)
	}
	return artifact.Hint(artifact.Verifyf("%s: it is of %s, not of %s", r.url, says, r.suite),
		"if this is what you want, list the suite by the name that upstream gives it; or, on the source in mirror.yaml, write \"release-names: [%s]\"", cmp.Or(codename, suite))
}

// checkIndexes refuses a source without any of the wanted indexes. A single missing index may not
// exist yet, but if all are missing, a name is probably wrong.
func (up *Upstream) checkIndexes() error {
	for i, src := range up.Sources {
		has := func(what listing) bool {
			return slices.ContainsFunc(up.Indexes, func(job indexJob) bool { return job.Origin.Source == src.Name && job.lists == what })
		}
		if src.Further.Sources && !has(listsSources) && has(listsPackages) {
			return artifact.Hint(fmt.Errorf("debian: source %s: sources: true: none of its suites lists an index of source packages, such as %s", src.Name, SourcesIndex(strings.Join(src.Suites[0].Components[:min(1, len(src.Suites[0].Components))], ""))),
				"leave out \"sources: true\", or name an archive that has source packages")
		}
		if src.Further.Udebs && !has(listsUdebs) && has(listsPackages) {
			return artifact.Hint(fmt.Errorf("debian: source %s: udebs: true: none of its suites lists packages of the installer, such as %s", src.Name, deb822.UdebIndex(src.Suites[0].Components[0], src.Architectures[0])),
				"leave out \"udebs: true\", or name an archive that has an installer")
		}
		if has(listsPackages) {
			if err := up.checkAbouts(&src, up.releases[i]); err != nil {
				return err
			}
			continue
		}
		r := up.releases[i][0]
		err := fmt.Errorf("debian: source %s: suite %s: there is no %s", src.Name, r.suite, strings.Join(r.missing, ", no "))
		if slices.ContainsFunc(r.missing, r.weak) {
			return artifact.Hint(artifact.Verifyf("%w with digests that are accepted", err), "%s", deb822.WeakHint)
		}
		return artifact.Hint(err, "%s", r.offer())
	}
	return nil
}

// offer lists the components and architectures that a release names.
func (r *Release) offer() string {
	return fmt.Sprintf("the release offers components %s and architectures %s", cmp.Or(r.Header.Get("Components"), "(none)"), cmp.Or(r.Header.Get("Architectures"), "(none)"))
}

// warnOfReleases warns about what upstream's releases lack and where they contradict themselves.
func (up *Upstream) warnOfReleases(c *consultation) {
	for i, src := range up.Sources {
		for _, r := range up.releases[i] {
			log := c.log.With("source", src.Name, "suite", r.suite)
			if r.undated != nil && !r.own {
				log.Warn("upstream's Release has no usable date: the time of its signature is used instead", "Date", r.undated, "signed", r.Made.Format(time.RFC3339))
			}
			if len(r.doubled) > 0 {
				log.Warn("upstream's Release lists files twice, with different digests or sizes: the first entry of each list is used", "files", strings.Join(r.doubled, ", "))
			}
			if len(r.missing) > 0 {
				log.Warn("upstream's Release does not list this index: nothing is taken from it", "index", strings.Join(r.missing, ", "), "offer", r.offer())
			}
		}
	}
}

const soon = 30 * 24 * time.Hour

// warnOfKeys tells of upstream's keys that will not do for long: those that expire
// soon, and those that newer apt refuses for the way they are bound.
func (up *Upstream) warnOfKeys(c *consultation) {
	var told []string
	for i, src := range up.Sources {
		for _, r := range up.releases[i] {
			if len(r.Signers) != 1 || slices.Contains(told, r.Signers[0]) {
				continue
			}
			signer := r.Signers[0]
			told = append(told, signer)
			if end, expires := src.Keys.Expiry(signer); expires && end.Sub(c.now) < soon {
				c.log.Warn("upstream's key expires soon: get its next one", "source", src.Name, "key", signer, "at", end.UTC().Format(time.RFC3339), "keyring", src.Keys.Where)
			}
			if src.Keys.Bound(signer, crypto.SHA1) {
				c.log.Warn("upstream's key is bound with SHA-1, which newer apt refuses: ask upstream for one that is not", "source", src.Name, "key", signer)
			}
		}
	}
}
