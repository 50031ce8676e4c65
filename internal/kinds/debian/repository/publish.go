// Package repository makes the metadata of the repository that the mirror serves: Packages and Release files of each suite, signed by
// the mirror's key. Publish makes them of the pins of a lock; Filter makes them anew without packages that rules deny, from the bytes
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
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// Publish makes the metadata of every suite of every source: Packages, plain and
// gzip, each also by its SHA-256, Release, Release.gpg and InRelease. Layout and
// fields are those of the Debian repository format.
func Publish(pins artifact.Pins, signer artifact.Signer) ([]artifact.Generated, error) {
	var files []artifact.Generated
	for _, source := range pins.Sources {
		for _, release := range source.Releases {
			p := &suitePlan{suiteFiles: newSuiteFiles(source.Name, release.Name, pins.Date), pins: pins, source: source, release: release, suite: release.Name}
			if err := p.make(signer); err != nil {
				return nil, fmt.Errorf("debian: %s %s: %w", source.Name, release.Name, err)
			}
			files = append(files, p.files...)
		}
	}
	return files, nil
}

// A suitePlan makes the files of one suite.
type suitePlan struct {
	suiteFiles
	pins    artifact.Pins
	source  artifact.Source
	release artifact.Release
	suite   string

	list []string // lines of the Release's SHA256 field
}

func (p *suitePlan) make(signer artifact.Signer) error {
	header, err := deb822.ParseParagraphs([]byte(strings.Join(p.release.Metadata, "\n")))
	if err != nil {
		return err
	}
	if len(header) != 1 {
		return fmt.Errorf("the lock has no metadata of the release")
	}
	architectures := header[0].List("Architectures")
	if deb822.Flat(p.suite) {
		if err := p.packages("", "", architectures); err != nil {
			return err
		}
	}
	for _, component := range header[0].List("Components") {
		for _, architecture := range architectures {
			folder := path.Join(component, "binary-"+architecture)
			if err := p.packages(folder, component, []string{architecture}); err != nil {
				return err
			}
		}
	}
	return p.sign(signer)
}

// packages makes the index of the artifacts of one component for the given
// architectures, in folder below the suite's.
func (p *suitePlan) packages(folder, component string, architectures []string) error {
	var index bytes.Buffer
	want := deb822.Channel(p.suite, component)
	for i := range p.pins.Items {
		a := &p.pins.Items[i]
		if a.Source == p.source.Name && slices.Contains(a.Attributes.Values("channel"), want) &&
			(a.Architecture() == "all" || slices.Contains(architectures, a.Architecture())) {
			deb822.WriteStanza(&index, a)
		}
	}
	if index.Len() == 0 {
		index.WriteString(emptyIndex)
	}
	packed, err := gzipped(index.Bytes())
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"Packages", index.Bytes()}, {"Packages.gz", packed}} {
		name := path.Join(folder, f.name)
		content := artifact.Content{Size: int64(len(f.data)), SHA256: deb822.Sum(f.data)}
		p.list = append(p.list, listLine(name, content))
		p.add(name, f.data)
		p.addByHash(name, content.SHA256)
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
	for _, line := range p.release.Metadata {
		release.WriteString(deb822.DecodeText(line))
		release.WriteByte('\n')
	}
	fmt.Fprintf(&release, "Date: %s\nAcquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nSHA256:\n%s",
		p.pins.Date.UTC().Format(deb822.ReleaseDate), strings.Join(p.list, ""))
	return p.addSigned(release.Bytes(), signer)
}
