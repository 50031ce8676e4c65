package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A Control holds an entry's relation fields, and whether its other fields allow the mirror to
// carry it. It is parsed only on demand: an index has tens of thousands.
type Control struct {
	Depends    []deb822.Clause // Pre-Depends, then Depends
	pre        int             // how many of them are Pre-Depends
	recommends []deb822.Clause
	suggests   []deb822.Clause
	negative   []deb822.Relation // Conflicts and Breaks: after an installation, none may be violated
	conflicts  []deb822.Relation // the Conflicts among them
	replaces   []deb822.Relation
	err        error // it cannot be installed, or apt would not read an index with it
}

// Control parses an entry's control, once.
func (u *Universe) Control(id EntryID) *Control {
	c := u.controls[id]
	if c == nil {
		c = u.readControl(id, deb822.ParseClauses)
		u.keepControl(id, c)
	}
	return c
}

// controlFields are the fields that readControl reads. apt parses the relations among them
// in every stanza: one that it cannot parse makes the whole index unusable for its clients.
var controlFields = [...]string{
	"Pre-Depends", "Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Replaces", "Enhances", // relations
	"Provides", "Description-md5", "Filename", "Size", "SHA256", "SHA512",
}

// readControl reads the relations with parse, which may return errors alone.
func (u *Universe) readControl(id EntryID, parse func(text string) ([]deb822.Clause, error)) *Control {
	e := &u.Entries[id]
	var values [len(controlFields)]string
	var there [len(controlFields)]bool
	for name, value := range deb822.FieldsOf(u.text(id)) {
		for i, field := range &controlFields {
			if len(name) == len(field) && strings.EqualFold(name, field) {
				values[i], there[i] = value, true
			}
		}
	}
	c := &Control{}
	fail := func(err error) {
		if x := u.indexes[e.index]; c.err == nil && x.Upstream {
			c.err = x.ErrorAt(e.start, fmt.Errorf("package %s %s: %w", u.Names[e.Name], e.Version, err))
		} else if c.err == nil {
			c.err = err
		}
	}
	var relations [8][]deb822.Clause
	for i := range relations {
		var err error
		if relations[i], err = parse(values[i]); err != nil {
			fail(fmt.Errorf("its field %s is damaged: %w", controlFields[i], err))
		}
	}
	c.Depends, c.pre = append(relations[0], relations[1]...), len(relations[0])
	c.recommends, c.suggests = relations[2], relations[3]
	c.conflicts = slices.Concat(relations[4]...)
	c.negative = slices.Concat(c.conflicts, slices.Concat(relations[5]...))
	c.replaces = slices.Concat(relations[6]...)
	if u.indexes[e.index].Upstream {
		text := values[len(relations):]
		if there[8] && text[0] == "" {
			fail(errors.New("its field Provides is empty, which apt cannot read"))
		} else if err := checkFile(text[1], text[2], text[3], text[4], text[5], e.end-e.start); err != nil {
			fail(err)
		}
	}
	return c
}

// maxPublished is the size of the largest stanza that apt reads, 1 MiB, less the space by which
// the mirror's own fields may exceed upstream's.
const maxPublished = 1<<20 - 1<<10

// checkFile checks what clients and the mirror need beside relations.
func checkFile(descriptionMD5, filename, size, sha256, sha512 string, length int) error {
	if _, err := deb822.FilePath(filename); err != nil {
		return err
	}
	n, err := deb822.ParseSize(size)
	switch {
	case size == "":
		return errors.New("it has no Size")
	case err != nil || n <= 0:
		return fmt.Errorf("invalid Size %q", deb822.Excerpt(size))
	case n > deb822.MaxPackage:
		return artifact.Verifyf("a size of %d bytes cannot be right", n)
	case sha256 == "" && sha512 == "":
		return deb822.ErrWeakDigests
	case sha256 != "" && !artifact.ValidSHA256(sha256):
		return fmt.Errorf("invalid SHA256 %q", deb822.Excerpt(sha256))
	case sha256 == "" && !artifact.ValidSHA512(sha512):
		return fmt.Errorf("invalid SHA512 %q", deb822.Excerpt(sha512))
	case descriptionMD5 != "" && len(descriptionMD5) != 32:
		return fmt.Errorf("invalid Description-md5 %q, which apt cannot read", deb822.Excerpt(descriptionMD5))
	case length > maxPublished:
		return fmt.Errorf("its stanza has %d bytes, which is more than apt can read", length)
	}
	return nil
}
