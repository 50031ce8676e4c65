package debian

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A control holds an entry's relation fields, and whether its other fields allow the mirror to
// carry it. It is parsed only on demand: an index has tens of thousands.
type control struct {
	depends    []clause // Pre-Depends, then Depends
	pre        int      // how many of them are Pre-Depends
	recommends []clause
	suggests   []clause
	negative   []relation // Conflicts and Breaks: after an installation, none may be violated
	conflicts  []relation // the Conflicts among them
	replaces   []relation
	err        error // it cannot be installed, or apt would not read an index with it
}

// control parses an entry's control, once.
func (u *Universe) control(id entryID) *control {
	c := u.controls[id]
	if c == nil {
		c = u.readControl(id)
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

func (u *Universe) readControl(id entryID) *control {
	e := &u.entries[id]
	var values [len(controlFields)]string
	var there [len(controlFields)]bool
	for name, value := range fieldsOf(u.text(id)) {
		for i, field := range &controlFields {
			if len(name) == len(field) && strings.EqualFold(name, field) {
				values[i], there[i] = value, true
			}
		}
	}
	c := &control{}
	fail := func(err error) {
		if x := u.indexes[e.index]; c.err == nil && x.upstream {
			c.err = x.errorAt(e.start, fmt.Errorf("package %s %s: %w", u.texts[e.name], e.version, err))
		} else if c.err == nil {
			c.err = err
		}
	}
	var relations [8][]clause
	for i := range relations {
		var err error
		if relations[i], err = parseClauses(values[i]); err != nil {
			fail(fmt.Errorf("its field %s is damaged: %w", controlFields[i], err))
		}
	}
	c.depends, c.pre = append(relations[0], relations[1]...), len(relations[0])
	c.recommends, c.suggests = relations[2], relations[3]
	c.conflicts = slices.Concat(relations[4]...)
	c.negative = slices.Concat(c.conflicts, slices.Concat(relations[5]...))
	c.replaces = slices.Concat(relations[6]...)
	if u.indexes[e.index].upstream {
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
	if _, err := filePath(filename); err != nil {
		return err
	}
	n, err := parseSize(size)
	switch {
	case size == "":
		return errors.New("it has no Size")
	case err != nil || n <= 0:
		return fmt.Errorf("invalid Size %q", excerpt(size))
	case n > maxPackage:
		return artifact.Verifyf("a size of %d bytes cannot be right", n)
	case sha256 == "" && sha512 == "":
		return errWeakDigests
	case sha256 != "" && !artifact.ValidSHA256(sha256):
		return fmt.Errorf("invalid SHA256 %q", excerpt(sha256))
	case sha256 == "" && !artifact.ValidSHA512(sha512):
		return fmt.Errorf("invalid SHA512 %q", excerpt(sha512))
	case descriptionMD5 != "" && len(descriptionMD5) != 32:
		return fmt.Errorf("invalid Description-md5 %q, which apt cannot read", excerpt(descriptionMD5))
	case length > maxPublished:
		return fmt.Errorf("its stanza has %d bytes, which is more than apt can read", length)
	}
	return nil
}
