package repository

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// A format is that of an index about packages: a sequence of records, of which each is about one package or more.
type format struct {
	split bufio.SplitFunc // finds the records
	// take writes the part of an upstream's record that is about carried packages. In what it writes, a record is about
	// one package.
	take func(b *bytes.Buffer, record string, carried names)
	// stays reports whether a record that take wrote is about a package of the names, or about none.
	stays func(record string, left names) bool
	empty string // the index without records
}

// names are those of packages: "app", and "app MD5" with the MD5 of its description, or "app *" if that is not known.
type names map[string]bool

func (n names) add(name, descriptionMD5 string) {
	n[name] = true
	if descriptionMD5 == "" {
		descriptionMD5 = "*"
	}
	n[name+" "+descriptionMD5] = true
}

// formatOf returns the format of an index by the name of its file without compression; nil: it is not about packages.
func formatOf(name string) *format {
	switch base := path.Base(name); {
	case strings.HasPrefix(base, "Translation-") && path.Ext(base) == "":
		return &translation
	case strings.HasPrefix(base, "Contents-") && path.Ext(base) == "":
		return &contents
	case strings.HasPrefix(base, "Commands-") && path.Ext(base) == "":
		return &commands
	case strings.HasPrefix(base, "Components-") && path.Ext(base) == ".yml":
		return &appStream
	}
	return nil
}

// translation is a file of descriptions in one language, a stanza each: repository format, "Translation indices".
var translation = format{
	split: splitStanzas,
	take: func(b *bytes.Buffer, stanza string, carried names) {
		if carried.describes(stanza) {
			b.WriteString(strings.TrimRight(stanza, "\r\n"))
			b.WriteString("\n\n")
		}
	},
	stays: func(stanza string, left names) bool { return left.describes(stanza) || stanza == emptyIndex },
	empty: emptyIndex,
}

// describes reports whether the stanza describes one of the packages.
func (n names) describes(stanza string) bool {
	name := deb822.StanzaField(stanza, "Package")
	return n[name+" "+deb822.StanzaField(stanza, "Description-md5")] || n[name+" *"]
}

// contents is a list of files with the packages that have them, a line each: repository format, "Contents indices". Upstream
// joins the packages of one file with commas; here each has a line of its own.
var contents = format{
	split: splitLines,
	take: func(b *bytes.Buffer, line string, carried names) {
		line = strings.TrimRight(line, " \t\r\n")
		at := strings.LastIndexAny(line, " \t")
		if at < 0 {
			return
		}
		file := strings.TrimRight(line[:at], " \t")
		for location := range strings.SplitSeq(line[at+1:], ",") {
			if carried[path.Base(location)] {
				fmt.Fprintf(b, "%s\t%s\n", file, location)
			}
		}
	},
	stays: func(line string, left names) bool {
		line = strings.TrimRight(line, "\n")
		return line == "" || left[line[strings.LastIndexAny(line, "\t/")+1:]]
	},
	empty: "\n", // apt does not fetch an index of 0 bytes
}

// splitLines is a bufio.SplitFunc: a line with its end.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		return end + 1, data[:end+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// about makes the indexes about packages. An index that upstream does not have is not made: apt does without.
func (p *suitePlan) about(release *artifact.Release, components, architectures []string) error {
	for _, index := range p.further.Abouts(components, architectures) {
		proofs := index.Upstream(release)
		if len(proofs) == 0 {
			continue
		}
		format := formatOf(index.Name)
		carried, b := p.carried(&index), new(bytes.Buffer)
		for _, proof := range proofs {
			if err := format.takeAll(b, p.pins, p.source.ProofID(proof), carried); err != nil {
				return fmt.Errorf("%s: %w", proof.Path, err)
			}
		}
		if b.Len() == 0 {
			b.WriteString(format.empty)
		}
		if err := p.publish(index.Name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// carried are the packages that an index may be about.
func (p *suitePlan) carried(index *archive.About) names {
	carried, channel := make(names), deb822.Channel(p.suite, index.Component)
	for i := range p.pins.Items {
		item := &p.pins.Items[i]
		if item.Source == p.source.Name && deb822.IsBinary(item) && slices.Contains(item.Attributes.Values("channel"), channel) &&
			(index.Architecture == "" || item.Architecture() == "all" || item.Architecture() == index.Architecture) {
			carried.add(item.Name, deb822.MetadataField(item, "Description-md5"))
		}
	}
	return carried
}

// takeAll writes what a file of upstream says about carried packages.
func (f *format) takeAll(b *bytes.Buffer, pins artifact.Pins, proof string, carried names) error {
	if pins.Open == nil {
		return fmt.Errorf("there is nothing to read it from")
	}
	file, err := pins.Open(proof)
	if err != nil {
		return err
	}
	defer file.Close()
	decoded, err := archive.Decode(proof, file)
	if err != nil {
		return err
	}
	defer decoded.Close()
	scanner := bufio.NewScanner(decoded)
	scanner.Buffer(make([]byte, readBuffer), maxStanza)
	scanner.Split(f.split)
	for scanner.Scan() {
		f.take(b, scanner.Text(), carried)
	}
	return scanner.Err()
}

// readsPackages reports whether what is about the packages of a Packages index may stand in an index about packages; both are
// named below the suite's folder.
func readsPackages(about, packages string) bool {
	component, file := path.Split(about)
	component = strings.TrimSuffix(component, "/")
	for _, folder := range []string{"/i18n", "/cnf", "/dep11"} {
		component = strings.TrimSuffix(component, folder)
	}
	for _, prefix := range []string{"Contents-", "Commands-", "Components-"} {
		if architecture, found := strings.CutPrefix(strings.TrimSuffix(file, ".yml"), prefix); found {
			return packages == path.Join(component, "binary-"+architecture, "Packages")
		}
	}
	return strings.HasPrefix(packages, component+"/binary-")
}

// VerifyAbout makes the indexes about packages again, from what upstream signed, and compares them with those of the image.
// It returns how many there are.
func VerifyAbout(pins artifact.Pins, open func(name string) (io.ReadCloser, error)) (count int, err error) {
	pins.Open = open
	for _, source := range pins.Sources {
		for i := range source.Releases {
			p, components, architectures, err := newSuitePlan(pins, source, &source.Releases[i])
			if err != nil {
				return count, err
			}
			if err := p.about(&source.Releases[i], components, architectures); err != nil {
				return count, artifact.Verifyf("debian: %s: %w", p.folder, err)
			}
			for _, f := range p.files {
				if f.Link != "" || path.Ext(f.Path) == ".gz" {
					continue
				}
				body, err := open(f.Path)
				if err != nil {
					return count, err
				}
				data, err := io.ReadAll(io.LimitReader(body, int64(len(f.Data))+1))
				body.Close()
				if err != nil {
					return count, err
				}
				if !bytes.Equal(data, f.Data) {
					return count, artifact.Verifyf("debian: %s: it is not what upstream's signed indexes say about the packages of the image", f.Path)
				}
				count++
			}
		}
	}
	return count, nil
}
