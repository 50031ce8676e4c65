// Package repository makes the metadata of the repository that the mirror serves: Packages and Release files of each suite, signed by
// the mirror's key. Publish makes them from the pins of a lock; Filter rebuilds them without packages that rules deny, from the bytes
// of the image and with little memory.
package repository

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/archive"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Publish makes the metadata of every suite of every source: Packages, and what else the definition asks for, plain and
// gzip, each also by its SHA-256, Release, Release.gpg and InRelease. Layout and
// fields are those of the Debian repository format.
func Publish(pins artifact.Pins, signer artifact.Signer) ([]artifact.Generated, error) {
	var files []artifact.Generated
	for _, source := range pins.Sources {
		for i := range source.Releases {
			p, components, architectures, err := newSuitePlan(pins, source, &source.Releases[i])
			if err == nil {
				err = p.make(&source.Releases[i], components, architectures, signer)
			}
			if err != nil {
				return nil, fmt.Errorf("debian: %s %s: %w", source.Name, source.Releases[i].Name, err)
			}
			files = append(files, p.files...)
		}
	}
	return files, nil
}

// A suitePlan makes the files of one suite.
type suitePlan struct {
	suiteFiles
	pins     artifact.Pins
	source   artifact.Source
	suite    string
	metadata []string // of the Release
	further  archive.Further

	list []string // lines of the Release's SHA256 field
}

// newSuitePlan returns a plan, and of which components and architectures the suite is made.
func newSuitePlan(pins artifact.Pins, source artifact.Source, release *artifact.Release) (p *suitePlan, components, architectures []string, err error) {
	p = &suitePlan{suiteFiles: newSuiteFiles(source.Name, release.Name, pins.Date), pins: pins, source: source, suite: release.Name}
	p.further, p.metadata = archive.FurtherOf(release)
	header, err := deb822.ParseParagraphs([]byte(strings.Join(p.metadata, "\n")))
	if err == nil && len(header) != 1 {
		err = fmt.Errorf("the lock has no metadata of the release")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return p, header[0].List("Components"), header[0].List("Architectures"), nil
}

func (p *suitePlan) make(release *artifact.Release, components, architectures []string, signer artifact.Signer) error {
	if deb822.IsFlat(p.suite) {
		if err := p.packages("Packages", "", architectures); err != nil {
			return err
		}
		if err := p.sources(""); err != nil {
			return err
		}
	}
	for _, component := range components {
		for _, architecture := range architectures {
			if err := p.packages(path.Join(component, "binary-"+architecture, "Packages"), component, []string{architecture}); err != nil {
				return err
			}
		}
		if err := p.sources(component); err != nil {
			return err
		}
		if err := p.udebs(component, architectures); err != nil {
			return err
		}
		if err := p.installers(component, architectures); err != nil {
			return err
		}
	}
	if err := p.about(release, components, architectures); err != nil {
		return err
	}
	return p.sign(signer)
}

// packages makes the index of the binary packages of one component for the given architectures.
func (p *suitePlan) packages(name, component string, architectures []string) error {
	return p.index(name, component, deb822.WriteStanza, func(i *artifact.Item) bool {
		return deb822.IsBinary(i) && (i.Architecture() == "all" || slices.Contains(architectures, i.Architecture()))
	})
}

// sources makes the index of the source packages of one component, if the mirror has any.
func (p *suitePlan) sources(component string) error {
	if !p.further.Sources {
		return nil
	}
	return p.index(archive.SourcesIndex(component), component, deb822.WriteSource, deb822.IsSource)
}

// udebs makes the indexes of the installer's packages of one component, if the mirror has any. Where there is none, the index is
// empty as at upstream: the installer would take emptyIndex for a package.
func (p *suitePlan) udebs(component string, architectures []string) error {
	if !p.further.Udebs {
		return nil
	}
	for _, architecture := range architectures {
		index := p.stanzas(component, deb822.WriteStanza, func(i *artifact.Item) bool {
			return deb822.IsUdeb(i) && (i.Architecture() == "all" || i.Architecture() == architecture)
		})
		if err := p.publish(deb822.UdebIndex(component, architecture), index); err != nil {
			return err
		}
	}
	return nil
}

// installers makes the lists of an installer's images, where the mirror has any.
func (p *suitePlan) installers(component string, architectures []string) error {
	for _, architecture := range architectures {
		name, list := deb822.InstallerSums(component, architecture), new(bytes.Buffer)
		folder := path.Join(deb822.Dists(p.suite), path.Dir(name)) + "/"
		for i := range p.pins.Items {
			item := &p.pins.Items[i]
			for _, f := range item.Files {
				if file, below := strings.CutPrefix(f.Path, folder); below && item.Source == p.source.Name && deb822.IsInstaller(item) {
					fmt.Fprintf(list, "%s  ./%s\n", f.SHA256, file)
				}
			}
		}
		if list.Len() == 0 {
			continue
		}
		if err := p.publish(name, list.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// index makes an index of those items of a component that it lists. name is its place below the suite's folder.
func (p *suitePlan) index(name, component string, write func(*bytes.Buffer, *artifact.Item), lists func(*artifact.Item) bool) error {
	index := p.stanzas(component, write, lists)
	if len(index) == 0 {
		index = []byte(emptyIndex)
	}
	return p.publish(name, index)
}

// stanzas are those of the items of a component that an index lists.
func (p *suitePlan) stanzas(component string, write func(*bytes.Buffer, *artifact.Item), lists func(*artifact.Item) bool) []byte {
	var index bytes.Buffer
	want := deb822.Channel(p.suite, component)
	for i := range p.pins.Items {
		item := &p.pins.Items[i]
		if item.Source == p.source.Name && slices.Contains(item.Attributes.Values("channel"), want) && lists(item) {
			write(&index, item)
		}
	}
	return index.Bytes()
}

// publish adds an index, plain and packed.
func (p *suitePlan) publish(name string, data []byte) error {
	packed, err := gzipped(data)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{name, data}, {name + ".gz", packed}} {
		content := artifact.Content{Size: int64(len(f.data)), SHA256: deb822.SHA256(f.data)}
		p.list = append(p.list, listLine(f.name, content))
		p.add(f.name, f.data)
		p.addByHash(f.name, content.SHA256)
	}
	return nil
}

// emptyIndex is the content of an index without packages. apt does not fetch an index of 0 bytes,
// and "apt-get -t SUITE" fails if apt has no index of the suite. Neither apt nor scan takes a stanza
// without Version as a package.
const emptyIndex = "Package: nothing-is-carried\n\n"

func gzipped(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// sign makes Release, its detached signature and InRelease.
func (p *suitePlan) sign(signer artifact.Signer) error {
	var release bytes.Buffer
	for _, line := range p.metadata {
		release.WriteString(deb822.DecodeText(line))
		release.WriteByte('\n')
	}
	fmt.Fprintf(&release, "Date: %s\nAcquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nSHA256:\n%s",
		p.pins.Date.UTC().Format(deb822.DateLayout), strings.Join(p.list, ""))
	return p.addSigned(release.Bytes(), signer)
}
