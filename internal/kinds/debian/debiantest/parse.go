package debiantest

import (
	"crypto"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads an archive written as paragraphs, in the manner of control files:
//
//	Key: old
//	Expires: 2021-01-01
//
//	Suite: bookworm
//	Signed-By: old archive
//	Valid-Until: 2030-01-01
//
//	Package: foo
//	Version: 1:2.0~rc1
//	Depends: bar (>= 2) | baz
//
// A Package whose Package-Type is udeb is one of the installer. A Package belongs to the Suite above it ("stable" when there is none). Beside
// the fields of control and Release files it may have Component, Filename,
// Compression, Hashes (of its stanza), Filler (bytes that do not compress), any number of File (a path in it) and of Changelog (the name of a
// file in /usr/share/doc/NAME, and in the lines that follow its text, compressed if the name ends in .gz; " ." is an empty line); a Suite may have Sources (yes: the source packages, too), Contents, Commands and AppStream (yes),
// Installer (yes, or a folder with images), Languages (words, of descriptions), By-Hash (yes), Compressions and Hashes (words; "none" is the plain file), Signing and
// Signed-By (names of keys; default "archive", "none" leaves the suite unsigned), and Says,
// the Suite that its Release names ("none": neither Suite nor Codename). A Key may
// have RSA (bits), Hash (SHA1, SHA256, SHA512), Created, Expires, and any number of
// Subkey (its end, or "never"). Keys without a paragraph are made by NewKey.
// Dates are as in Release files or YYYY-MM-DD.
func Parse(text string) (*Archive, error) {
	a := &Archive{Keys: map[string]*Key{}}
	for _, paragraph := range paragraphs(text) {
		var err error
		switch kind := paragraph[0]; kind.key {
		case "Key":
			err = a.parseKey(paragraph)
		case "Suite":
			err = a.parseSuite(paragraph)
		case "Package":
			err = a.parsePackage(paragraph)
		default:
			err = fmt.Errorf("a paragraph begins with Key, Suite or Package")
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", paragraph[0].key, paragraph[0].value, err)
		}
	}
	return a, nil
}

// A field of a paragraph; line is the whole, with its continuation lines.
type field struct{ key, value, line string }

func paragraphs(text string) [][]field {
	var all [][]field
	var current []field
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(line, " \t\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "" && len(current) > 0:
			all, current = append(all, current), nil
		case line == "":
		case strings.HasPrefix(line, " ") && len(current) > 0:
			last := &current[len(current)-1]
			last.value += "\n" + line
			last.line += "\n" + line
		default:
			key, value, _ := strings.Cut(line, ":")
			current = append(current, field{key, strings.TrimSpace(value), line})
		}
	}
	return all
}

func (a *Archive) parseKey(paragraph []field) error {
	var c KeyConfig
	var err error
	for _, f := range paragraph[1:] {
		switch f.key {
		case "RSA":
			c.RSABits, err = strconv.Atoi(f.value)
		case "Hash":
			hashes := map[string]crypto.Hash{"SHA1": crypto.SHA1, "SHA256": crypto.SHA256, "SHA512": crypto.SHA512}
			if c.Hash = hashes[f.value]; c.Hash == 0 {
				err = fmt.Errorf("unknown hash")
			}
		case "Created":
			c.Created, err = parseDate(f.value)
		case "Expires":
			c.Expires, err = parseDate(f.value)
		case "Subkey":
			var sub KeyConfig
			if f.value != "never" {
				sub.Expires, err = parseDate(f.value)
			}
			c.Subkeys = append(c.Subkeys, sub)
		default:
			err = fmt.Errorf("unknown field")
		}
		if err != nil {
			return fmt.Errorf("%q: %w", f.line, err)
		}
	}
	name := paragraph[0].value
	a.Keys[name] = c.New(name)
	return nil
}

// keys returns the named keys, and makes those that are new.
func (a *Archive) keys(names string) (keys []*Key) {
	for _, name := range strings.Fields(names) {
		if name == "none" {
			continue
		}
		if a.Keys[name] == nil {
			a.Keys[name] = NewKey(name)
		}
		keys = append(keys, a.Keys[name])
	}
	return keys
}

func (a *Archive) parseSuite(paragraph []field) error {
	s := &Suite{Name: paragraph[0].value}
	signers := "archive"
	var err error
	for _, f := range paragraph[1:] {
		switch f.key {
		case "Says":
			s.Says = f.value
		case "Codename":
			s.Codename = f.value
		case "Origin":
			s.Origin = f.value
		case "Label":
			s.Label = f.value
		case "Components":
			s.Components = strings.Fields(f.value)
		case "Architectures":
			s.Architectures = strings.Fields(f.value)
		case "Date":
			s.Date, err = parseDate(f.value)
		case "Valid-Until":
			s.ValidUntil, err = parseDate(f.value)
		case "Sources":
			s.Sources = f.value == "yes"
		case "Languages":
			s.Languages = strings.Fields(f.value)
		case "Contents":
			s.Contents = f.value == "yes"
		case "Commands":
			s.Commands = f.value == "yes"
		case "AppStream":
			s.AppStream = f.value == "yes"
		case "Installer":
			if s.Installer = true; f.value != "yes" {
				s.Images = f.value
			}
		case "By-Hash":
			s.ByHash = f.value == "yes"
		case "Compressions":
			for _, word := range strings.Fields(f.value) {
				s.Compressions = append(s.Compressions, strings.TrimPrefix(word, "none"))
			}
		case "Hashes":
			s.Hashes = strings.Fields(f.value)
		case "Signed-By":
			signers = f.value
		case "Signing":
			s.Signing = f.value
		default:
			s.Fields = append(s.Fields, f.line)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", f.line, err)
		}
	}
	s.SignedBy = a.keys(signers)
	a.Suites = append(a.Suites, s)
	return nil
}

func (a *Archive) parsePackage(paragraph []field) error {
	p := &Package{Name: paragraph[0].value}
	var err error
	for _, f := range paragraph[1:] {
		switch f.key {
		case "Version":
			p.Version = f.value
		case "Architecture":
			p.Architecture = f.value
		case "Component":
			p.Component = f.value
		case "Filename":
			p.Filename = f.value
		case "Compression":
			p.Compression = f.value
		case "File":
			if p.Files == nil {
				p.Files = map[string]string{}
			}
			p.Files[f.value] = "of " + p.Name + "\n"
		case "Changelog":
			err = p.addChangelog(f.value)
		case "Hashes":
			p.Hashes = strings.Fields(f.value)
		case "Filler":
			p.Size, err = strconv.Atoi(f.value)
		default:
			p.Fields = append(p.Fields, f.line)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", f.line, err)
		}
	}
	if len(a.Suites) == 0 {
		a.Suites = append(a.Suites, &Suite{Name: "stable", SignedBy: a.keys("archive")})
	}
	last := a.Suites[len(a.Suites)-1]
	if p.field("Package-Type") == "udeb" {
		last.Udebs = append(last.Udebs, p)
	} else {
		last.Packages = append(last.Packages, p)
	}
	return nil
}

func (p *Package) addChangelog(value string) error {
	name, rest, _ := strings.Cut(value, "\n")
	var text strings.Builder
	for line := range strings.SplitSeq(rest, "\n") {
		if line = strings.TrimPrefix(line, " "); line != "." {
			text.WriteString(line)
		}
		text.WriteByte('\n')
	}
	content := []byte(text.String())
	if strings.HasSuffix(name, ".gz") {
		var err error
		if content, err = compress("gz", content); err != nil {
			return err
		}
	}
	if p.Files == nil {
		p.Files = map[string]string{}
	}
	p.Files["usr/share/doc/"+p.Name+"/"+name] = string(content)
	return nil
}

func parseDate(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC1123, text)
}
