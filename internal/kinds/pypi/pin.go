package pypi

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// maxProvenance is the size of the largest attestations that are carried, in bytes.
const maxProvenance = 8 << 20

// pin makes items of what is carried.
func (r *sourceResolver) pin(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(r.wanted))
	items := make([]artifact.Item, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for at, name := range names {
		group.Go(func() (err error) {
			items[at], err = r.item(ctx, r.wanted[name])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, name := range names {
		if d := r.wanted[name].dist; d.Uploaded.After(r.Date) {
			r.Date = d.Uploaded.Truncate(time.Second)
		}
	}
	r.warnStatus()
	r.Items = append(r.Items, items...)
	return nil
}

// warnStatus says which of the carried projects are archived or deprecated.
func (r *sourceResolver) warnStatus() {
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(r.wanted)) {
		project := r.wanted[name].Dist.Project
		page := r.offers.projects[project].page
		if !seen[project] && page.Status != simple.Active {
			r.req.Log.Warn("the index says that a project is "+page.Status, "project", project, "reason", strings.Join(strings.Fields(page.Reason), " "))
		}
		seen[project] = true
	}
}

// item makes the item of a distribution.
func (r *sourceResolver) item(ctx context.Context, w *wanted) (item artifact.Item, err error) {
	d := w.dist
	stated, err := r.offers.metadata(ctx, d)
	if err != nil {
		return item, err
	}
	if d.SHA256 == "" {
		return item, artifact.Hint(artifact.Verifyf("%s: the index does not state its SHA-256, so it cannot be verified", d.Name), "use an index that states digests, or name a file of requirements with hashes in files:")
	}
	content := artifact.Content{Size: d.Size, SHA256: d.SHA256}
	if content.Size < 0 {
		content.Size = stated.Size
	}
	path := filePath(d.Dist.Project, d.Name)
	before := r.previous(path, d.SHA256)
	if content.Size < 0 && before != nil {
		content.Size = before.Files[0].Size
	}
	if content.Size < 0 {
		if content, err = artifact.Bring(ctx, r.req.Upstream, []string{d.URL}, content); err != nil {
			return item, err
		}
	}
	item = artifact.Item{Kind: Kind{}.Name(), Source: r.source.name, Name: d.Dist.Project, Version: d.Dist.Version.String(), Attributes: w.attributes(),
		Files: []artifact.File{{Path: path, Size: content.Size, SHA256: content.SHA256, URLs: []string{d.URL}}}}
	for by := range w.by {
		item.Requested = item.Requested || !strings.HasPrefix(by, byProject) && !strings.HasPrefix(by, byBuild)
	}
	if stated.Content.SHA256 != "" {
		item.Files = append(item.Files, artifact.File{Path: path + metadataEnd, Size: stated.Content.Size, SHA256: stated.Content.SHA256, URLs: []string{simple.MetadataURL(&d.File)}})
	}
	if d.Provenance != "" {
		f, err := r.provenance(ctx, d, path+provenanceEnd, before)
		if err != nil {
			return item, err
		}
		if f != nil {
			item.Files = append(item.Files, *f)
		}
	}
	item.Metadata = r.lines(w, stated)
	return item, nil
}

// previous is the item of the previous lock with the same file; nil: there is none.
func (r *sourceResolver) previous(path, sha256 string) *artifact.Item {
	for i := range r.req.Previous.Items {
		if item := &r.req.Previous.Items[i]; item.Source == r.source.name && item.Files[0].Path == path && item.Files[0].SHA256 == sha256 {
			return item
		}
	}
	return nil
}

// provenance pins the attestations of a distribution (PEP 740), or keeps those of the previous lock. Nil: the index does not have what it announces.
func (r *sourceResolver) provenance(ctx context.Context, d *dist, path string, before *artifact.Item) (*artifact.File, error) {
	if before != nil && !r.req.MayMove(d.Dist.Project) {
		if f := beside(before, provenanceEnd); f != nil {
			return f, nil
		}
	}
	answer, err := r.req.Upstream.Ask(ctx, artifact.Request{URLs: []string{d.Provenance}, Keep: true, Limit: maxProvenance})
	if errors.Is(err, fs.ErrNotExist) {
		r.req.Log.Warn("the index announces attestations that it does not have", "file", d.Name)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &artifact.File{Path: path, Size: answer.Size, SHA256: answer.SHA256, URLs: []string{d.Provenance}}, answer.Close()
}

// attributes are those of the item.
func (w *wanted) attributes() artifact.Attributes {
	all := map[string][]string{attributeTarget: slices.Collect(maps.Keys(w.targets))}
	architectures := make(map[string]bool)
	for _, tag := range w.Dist.Tags {
		all[attributeTag] = append(all[attributeTag], tag.String())
		architectures[platformArchitecture(tag.Platform)] = true
	}
	if !w.Dist.IsWheel() {
		all[attributeTag] = []string{sourceTag}
	}
	if len(architectures) == 1 && !architectures[""] {
		all[attributeArchitecture] = slices.Collect(maps.Keys(architectures))
	}
	return artifact.NewAttributes(all)
}

// lines is the item's metadata.
func (r *sourceResolver) lines(w *wanted, s *simple.Stated) (lines []string) {
	add := func(key, value string) {
		if text := line(key, value); text != key+": " {
			lines = append(lines, text)
		}
	}
	add(keyRequiresPython, w.RequiresPython)
	if w.Yanked {
		add(keyYanked, "yes")
		add(keyYankedReason, w.YankedReason)
	}
	if !w.Uploaded.IsZero() {
		add(keyUploaded, w.Uploaded.Format("2006-01-02T15:04:05.999999Z"))
	}
	for _, q := range s.RequiresDist {
		add(keyRequires, q)
	}
	add(keySummary, s.Summary)
	for _, name := range s.Licences() {
		add(keyLicence, name)
	}
	add(keyHomePage, homePage(s.Metadata))
	add(keyAuthor, author(s.Metadata))
	if page := r.offers.projects[w.Dist.Project].page; page.Status != simple.Active {
		add(keyStatus, page.Status+reason(page))
	}
	for _, by := range slices.Sorted(maps.Keys(w.by)) {
		add(keyNeededBy, by)
	}
	if r.installTo != defaultFolder(r.source.name) {
		add(keyInstallTo, r.installTo)
	}
	return lines
}

// homePage is the address of the project: Home-page, or the URL with such a label.
func homePage(m *simple.Metadata) string {
	for _, u := range m.ProjectURLs {
		label, address, _ := strings.Cut(u, ",")
		switch strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(label)) {
		case "homepage", "home":
			return strings.TrimSpace(address)
		}
	}
	return m.HomePage
}

// author is NAME <ADDRESS>, as far as it is stated; Author-email has that form, too.
func author(m *simple.Metadata) string {
	switch {
	case m.Author == "" || strings.Contains(m.Email, "<"):
		return m.Email
	case m.Email == "" || strings.Contains(m.Author, "@"):
		return m.Author
	}
	return m.Author + " <" + m.Email + ">"
}
