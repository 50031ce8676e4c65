package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// What the mirror makes in the folder of each source: a list of checksums, and the detached signature of it by the mirror's key.
const (
	sumsFile      = "SHA256SUMS"
	sumsSignature = "SHA256SUMS.asc"
)

// Publish implements artifact.Kind: of each source SHA256SUMS, its signature, and of a chart repository index.yaml.
func (Kind) Publish(pins artifact.Pins, signer artifact.Signer) (files []artifact.Generated, err error) {
	for i := range pins.Sources {
		source := &pins.Sources[i]
		var list []string
		index := &chartIndex{Entries: map[string][]json.RawMessage{}}
		for at := range pins.Items {
			item := &pins.Items[at]
			if item.Source != source.Name {
				continue
			}
			for _, f := range item.Files {
				list = append(list, f.SHA256+"  "+f.Path+"\n")
			}
			if entry := metadata(item.Metadata, keyChart); entry != "" {
				if err := index.add(item, entry); err != nil {
					return nil, fmt.Errorf("files: %s: %w", item.ID(), err)
				}
			}
		}
		made, err := publish(source, list, index, pins.Date, signer)
		if err != nil {
			return nil, fmt.Errorf("files: source %s: %w", source.Name, err)
		}
		files = append(files, made...)
	}
	return files, nil
}

// publish makes the files of one source.
func publish(source *artifact.Source, list []string, index *chartIndex, date time.Time, signer artifact.Signer) ([]artifact.Generated, error) {
	text := []byte(strings.Join(list, ""))
	signature, err := signer.DetachSign(text)
	if err != nil {
		return nil, err
	}
	file := func(name string, data []byte) artifact.Generated {
		return artifact.Generated{Path: source.Name + "/" + name, Data: data, Modified: date}
	}
	files := []artifact.Generated{file(sumsFile, text), file(sumsSignature, signature)}
	if isHelm(source) {
		data, err := index.encode(date)
		if err != nil {
			return nil, err
		}
		files = append(files, file(indexName, data))
	}
	return files, nil
}

// isHelm reports whether the source is a chart repository.
func isHelm(source *artifact.Source) bool {
	for _, r := range source.Releases {
		if metadata(r.Metadata, keyFrom) == string(fromHelm) {
			return true
		}
	}
	return false
}

// A chartIndex is the index of a chart repository, in JSON, which is YAML, too.
type chartIndex struct {
	APIVersion string                       `json:"apiVersion"`
	Entries    map[string][]json.RawMessage `json:"entries"`
	Generated  time.Time                    `json:"generated"`
}

// add puts the entry of a chart into the index, with its address and digest here.
func (x *chartIndex) add(item *artifact.Item, entry string) error {
	var fields map[string]any
	if err := json.Unmarshal([]byte(entry), &fields); err != nil {
		return err
	}
	fields["urls"], fields["digest"] = []string{filePath(item)}, item.Files[0].SHA256
	line, err := json.Marshal(fields)
	x.Entries[item.Name] = append(x.Entries[item.Name], line)
	return err
}

func (x *chartIndex) encode(date time.Time) ([]byte, error) {
	x.APIVersion, x.Generated = "v1", date.UTC()
	data, err := json.MarshalIndent(x, "", "  ")
	return append(data, '\n'), err
}

// Filter implements artifact.Filterer. It goes by what the image says of itself.
func (Kind) Filter(ctx context.Context, req artifact.FilterRequest) (files []artifact.Generated, err error) {
	for i := range req.Sources {
		source := &req.Sources[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		made, err := filter(source, &req)
		if err != nil {
			return nil, fmt.Errorf("files: source %s: %w", source.Name, err)
		}
		files = append(files, made...)
	}
	return files, nil
}

func filter(source *artifact.Source, req *artifact.FilterRequest) ([]artifact.Generated, error) {
	absent := func(file string) bool { return req.Absent(source.Name + "/" + file) }
	text, err := readAll(req.Open, source.Name+"/"+sumsFile)
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range bytes.Lines(text) {
		_, file, found := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  ")
		if !found {
			return nil, fmt.Errorf("%s: invalid line %.80q", sumsFile, line)
		}
		if !absent(file) {
			list = append(list, string(line))
		}
	}
	index := &chartIndex{Entries: map[string][]json.RawMessage{}}
	if isHelm(source) {
		data, err := readAll(req.Open, source.Name+"/"+indexName)
		if err != nil {
			return nil, err
		}
		var old chartIndex
		if err := json.Unmarshal(data, &old); err != nil {
			return nil, fmt.Errorf("%s: %w", indexName, err)
		}
		for name, versions := range old.Entries {
			for _, version := range versions {
				var entry struct{ URLs []string }
				if err := json.Unmarshal(version, &entry); err != nil || len(entry.URLs) != 1 {
					return nil, fmt.Errorf("%s: an entry of %q must have exactly one URL", indexName, name)
				}
				if !absent(entry.URLs[0]) {
					index.Entries[name] = append(index.Entries[name], version)
				}
			}
		}
	}
	return publish(source, list, index, req.Date, req.Signer)
}

func readAll(open func(path string) (io.ReadCloser, error), name string) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err = errors.Join(err, f.Close()); err == nil && len(data) > maxList {
		err = fmt.Errorf("%s: more than %d bytes", name, maxList)
	}
	return data, err
}
