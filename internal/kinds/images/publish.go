package images

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// tableName is a file below each source, which build makes for the server: it has what the server needs of the items' Metadata.
const tableName = "images.json"

// A table describes the content of a registry, except for the files.
type table struct {
	Repositories []repositoryTable `json:"repositories"` // sorted by Name
}

// A repositoryTable describes the items of a repository. What is served depends on which of them a client may have.
type repositoryTable struct {
	Name  string      `json:"name"`
	Items []itemTable `json:"items"` // sorted by Key
}

// An itemTable describes what belongs to an item.
type itemTable struct {
	Key       string             `json:"key"`                 // artifact.Item.Key
	Types     map[string]string  `json:"types"`               // the media type of each manifest, by digest
	Tags      map[string]string  `json:"tags,omitempty"`      // digests of what is attached, by tag; not the item's own tag
	Referrers []attachedManifest `json:"referrers,omitempty"` // in the order of the lock
}

// An attachedManifest is attached to a manifest.
type attachedManifest struct {
	Subject    string        `json:"subject"` // digest
	Descriptor v1.Descriptor `json:"descriptor"`
}

// Publish implements artifact.Kind: for each source a table, which the server reads when it starts.
func (Kind) Publish(pins artifact.Pins, _ artifact.Signer) (files []artifact.Generated, err error) {
	for i := range pins.Sources {
		source := &pins.Sources[i]
		byName := make(map[string]*repositoryTable)
		for at := range pins.Items {
			item := &pins.Items[at]
			if item.Source != source.Name {
				continue
			}
			row, err := itemRow(item)
			if err != nil {
				return nil, fmt.Errorf("images: %s: %w", item.ID(), err)
			}
			if byName[item.Name] == nil {
				byName[item.Name] = &repositoryTable{Name: item.Name}
			}
			byName[item.Name].Items = append(byName[item.Name].Items, row)
		}
		all := table{Repositories: []repositoryTable{}}
		for _, r := range byName {
			slices.SortFunc(r.Items, func(a, b itemTable) int { return strings.Compare(a.Key, b.Key) })
			all.Repositories = append(all.Repositories, *r)
		}
		slices.SortFunc(all.Repositories, func(a, b repositoryTable) int { return cmp.Compare(a.Name, b.Name) })
		data, err := json.Marshal(all)
		if err != nil {
			return nil, fmt.Errorf("images: source %s: %w", source.Name, err)
		}
		files = append(files, artifact.Generated{Path: source.Name + "/" + tableName, Data: append(data, '\n'), Modified: pins.Date})
	}
	return files, nil
}

// itemRow reads the metadata of an item.
func itemRow(item *artifact.Item) (row itemTable, err error) {
	row = itemTable{Key: item.Key, Types: make(map[string]string)}
	for _, v := range values(item.Metadata, keyType) {
		digest, mediaType, _ := strings.Cut(v, " ")
		row.Types[digest] = mediaType
	}
	for _, v := range values(item.Metadata, keyTag) {
		tag, digest, _ := strings.Cut(v, " ")
		if row.Tags == nil {
			row.Tags = make(map[string]string)
		}
		row.Tags[tag] = digest
	}
	for _, v := range values(item.Metadata, keyReferrer) {
		subject, d, err := parseReferrer(v)
		if err != nil {
			return row, err
		}
		row.Referrers = append(row.Referrers, attachedManifest{subject, d})
	}
	return row, row.check(item)
}

// check wants the lines of the lock to fit the files: nothing is listed that cannot be sent, and nothing is sent under another digest than its own.
func (row *itemTable) check(item *artifact.Item) error {
	has := make(map[string]bool) // manifests
	for i := range item.Files {
		f := &item.Files[i]
		folder, digest, ok := parseFilePath(f.Path)
		switch {
		case !ok:
			return fmt.Errorf("%q is not the path of a manifest or a blob", f.Path)
		case contentOf(digest, f.Size).SHA256 != "" && contentOf(digest, f.Size).SHA256 != f.SHA256:
			return artifact.Verifyf("%s: the lock states another sha256 for it: %s", f.Path, f.SHA256)
		case folder == manifestFolder && row.Types[digest] == "":
			return fmt.Errorf("the lock does not state the type of the manifest %s", digest)
		}
		has[digest] = has[digest] || folder == manifestFolder
	}
	lacks := func(what, digest string) error {
		if has[digest] {
			return nil
		}
		return artifact.Hint(fmt.Errorf("the lock names a manifest that is not among the image's files: %s %s", what, artifact.Printable(digest)), "lock again: minimirror lock")
	}
	err := cmp.Or(lacks(attributeDigest, digestOf(item)), lacks(attributeManifest, manifestOf(item)))
	for digest, mediaType := range row.Types {
		if !validMediaType.MatchString(mediaType) {
			err = cmp.Or(err, fmt.Errorf("the lock states a type for %s that is none: %q", artifact.Printable(digest), mediaType))
		}
		err = cmp.Or(err, lacks(keyType, digest))
	}
	for tag, digest := range row.Tags {
		if !validTag.MatchString(tag) {
			err = cmp.Or(err, fmt.Errorf("%q is not a tag", tag))
		}
		err = cmp.Or(err, lacks(keyTag, digest))
	}
	for _, a := range row.Referrers {
		err = cmp.Or(err, lacks(keyReferrer, a.Descriptor.Digest.String()), lacks(keyReferrer, a.Subject))
	}
	return err
}

// validMediaType is RFC 6838, "Naming Requirements".
var validMediaType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)
