package pypi

import (
	"bytes"
	"errors"
	"io"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
	"github.com/minimirror/minimirror/internal/kinds/pypi/simple"
)

// ChecksFiles implements artifact.FileChecker.
func (Kind) ChecksFiles(i *artifact.Item) bool { return isWheel(i) }

// CheckFiles implements artifact.FileChecker: the metadata in a wheel is what the index has announced (PEP 658), by which the wheel was chosen, and of the
// project and version in its name.
func (Kind) CheckFiles(i *artifact.Item, open func(f *artifact.File) (artifact.ReadSeekerAt, error)) error {
	wheel, err := open(&i.Files[0])
	if err != nil {
		return err
	}
	data, err := simple.WheelMetadata(wheel, i.Files[0].Size, i.Name)
	if err = errors.Join(err, wheel.Close()); err != nil {
		return artifact.Verifyf("the wheel cannot be used: %w", err)
	}
	m, err := simple.ParseMetadata(bytes.NewReader(data))
	if err != nil {
		return artifact.Verifyf("the wheel cannot be used: %w", err)
	}
	v, err := pep440.Parse(m.Version)
	named, failed := pep440.Parse(i.Version)
	if err != nil || failed != nil || !v.Equal(named) || pep508.NormalizeName(m.Name) != i.Name {
		return artifact.Verifyf("the wheel is of %s %s, according to its metadata", m.Name, m.Version)
	}
	announced := beside(i, metadataEnd)
	if announced == nil {
		return nil
	}
	f, err := open(announced)
	if err != nil {
		return err
	}
	want, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if !bytes.Equal(data, want) {
		return artifact.Hint(artifact.Verifyf("the metadata that the index announces is not the wheel's"), "do not install this wheel; report it to those who run the index")
	}
	return nil
}
