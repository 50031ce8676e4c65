package image_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
	"github.com/minimirror/minimirror/internal/image/imagetest"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/tarlayer"
)

const (
	bigCount = 8000
	bigSize  = 135_000 // bytes of each artifact: 1.08 GB in all
)

// A nearlyEmpty file is cheap to make: its first bytes are its own, the rest are zero.
type nearlyEmpty struct{ start string }

func (n nearlyEmpty) ReadAt(p []byte, offset int64) (int, error) {
	p = p[:min(int64(len(p)), bigSize-offset)]
	clear(p)
	if offset < int64(len(n.start)) {
		copy(p, n.start[offset:])
	}
	return len(p), nil
}

func (nearlyEmpty) Close() error { return nil }

// bigImage writes an image of more than a gigabyte into a registry's storage. Every fortieth artifact
// belongs to the set "some", which has a layer of its own.
func bigImage(t *testing.T, storage string) {
	c := &catalog.Catalog{Name: "big", Date: imagetest.Date, Lock: digestOf(nil),
		Sources: []artifact.Source{{Kind: imagetest.Kind, Name: imagetest.Source}}}
	set := artifact.Set{Name: "some", Architecture: "any"}
	groups := make([][]tarlayer.Entry, 2)
	layerOf := make([]int, bigCount)
	for i := range bigCount {
		content := nearlyEmpty{fmt.Sprintf("this is artifact %d", i)}
		hash := sha256.New()
		_, err := io.Copy(hash, io.NewSectionReader(content, 0, bigSize))
		must(t, err)
		a := artifact.Item{Kind: imagetest.Kind, Source: imagetest.Source, Name: fmt.Sprintf("name-%04d", i), Version: "1.2-3", Attributes: artifact.Attributes{{Name: "architecture", Values: []string{"any"}}}, Files: []artifact.File{{Size: bigSize, SHA256: hex.EncodeToString(hash.Sum(nil)), Path: fmt.Sprintf("pool/n/name-%04d_1.2-3.bin", i)}}}
		a.Files[0].URLs = []string{"http://mirror.example.org/files/" + a.Files[0].Path}
		for line := range 9 { // as long as an index's entry is, and as hard to compress
			a.Metadata = append(a.Metadata, fmt.Sprintf("Field-%d: %s %s", line, a.Files[0].SHA256[line*4:][:16], strings.Repeat("what it says ", 3)))
		}
		c.Items = append(c.Items, a)
		if i%40 == 0 {
			set.Items = append(set.Items, a.ID())
			layerOf[i] = 0
		} else {
			layerOf[i] = 1
		}
		groups[layerOf[i]] = append(groups[layerOf[i]], tarlayer.Entry{Path: layout.Root + "/" + a.ID(), Size: a.Files[0].Size, SHA256: a.Files[0].SHA256,
			Open: func() (tarlayer.File, error) { return content, nil }})
	}
	c.Sets = []artifact.Set{set}
	var layers []*tarlayer.Layer
	for _, group := range groups {
		layer, err := tarlayer.New(group)
		must(t, err)
		layers = append(layers, layer)
	}
	for i, a := range c.Items {
		c.Files = append(c.Files, catalog.File{Path: a.ID(), Layer: layerOf[i], Size: a.Files[0].Size, SHA256: a.Files[0].SHA256,
			Offset: layers[layerOf[i]].Offset(layout.Root + "/" + a.ID())})
	}
	last, label, err := catalog.NewLayer(c)
	must(t, err)
	storage = filepath.Join(storage, "docker/registry/v2")
	var descriptors []any
	var diffIDs []string
	for _, layer := range append(layers, last) {
		temporary := filepath.Join(t.TempDir(), "layer")
		file, err := os.Create(temporary)
		must(t, err)
		digest, err := layer.Copy(t.Context(), &sparse{File: file}, nil)
		must(t, errors.Join(err, file.Truncate(layer.Size()), file.Close()))
		must(t, os.MkdirAll(filepath.Dir(blobFile(storage, digest.String())), 0o755))
		must(t, os.Rename(temporary, blobFile(storage, digest.String())))
		link(t, storage, "_layers", digest.String())
		diffIDs = append(diffIDs, digest.String())
		descriptors = append(descriptors, map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.Size()})
	}
	document := func(mediaType string, v any) (map[string]any, string) {
		text, err := json.Marshal(v)
		must(t, err)
		digest := digestOf(text)
		must(t, os.MkdirAll(filepath.Dir(blobFile(storage, digest)), 0o755))
		must(t, os.WriteFile(blobFile(storage, digest), text, 0o644))
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(text)}, digest
	}
	config, configDigest := document("application/vnd.oci.image.config.v1+json", map[string]any{"os": "linux", "architecture": "amd64",
		"config": map[string]any{"Labels": map[string]string{layout.CatalogLabel: label}}, "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}})
	link(t, storage, "_layers", configDigest)
	_, manifest := document("application/vnd.oci.image.manifest.v1+json", map[string]any{"schemaVersion": 2,
		"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": descriptors})
	link(t, storage, "_manifests/revisions", manifest)
	link(t, storage, "_manifests/tags/1/index", manifest)
	current := filepath.Join(storage, "repositories/site/mirror/_manifests/tags/1/current/link")
	must(t, os.MkdirAll(filepath.Dir(current), 0o755))
	must(t, os.WriteFile(current, []byte(manifest), 0o644))
}

func blobFile(storage, digest string) string {
	sum := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(storage, "blobs/sha256", sum[:2], sum, "data")
}

func link(t *testing.T, storage, kind, digest string) {
	name := filepath.Join(storage, "repositories/site/mirror", kind, "sha256", strings.TrimPrefix(digest, "sha256:"), "link")
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(digest), 0o644))
}

// sparse leaves holes where there are zeros.
type sparse struct{ *os.File }

var zeros [4096]byte

func (s *sparse) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), len(zeros))
		var err error
		if bytes.Equal(p[:n], zeros[:n]) {
			_, err = s.Seek(int64(n), io.SeekCurrent)
		} else {
			_, err = s.File.Write(p[:n])
		}
		if err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// dockerRegistry runs a registry over the storage, behind a proxy that counts what the registry sends, to
// the last byte of its headers.
func dockerRegistry(t *testing.T, storage string) (address string, sent *atomic.Int64) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatalf("%v\nhint: apt-get install docker-registry", err)
	}
	config := filepath.Join(t.TempDir(), "config.yml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: 127.0.0.1:0}\n", storage), 0o644))
	cmd := exec.Command(program, "serve", config)
	said, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	behind := ""
	for lines := bufio.NewScanner(said); behind == ""; {
		if !lines.Scan() {
			t.Fatal("docker-registry ended before it listened")
		}
		if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok {
			behind = strings.TrimSuffix(strings.Fields(address)[0], `"`)
		}
	}
	go io.Copy(io.Discard, said) // its log must not stop it
	front, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { front.Close() })
	sent = new(atomic.Int64)
	go func() {
		for {
			client, err := front.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", behind)
				if err != nil {
					return
				}
				go func() {
					io.Copy(server, client)
					server.Close()
				}()
				io.Copy(countingWriter{client, sent}, server)
			}()
		}
	}()
	return front.Addr().String(), sent
}

type countingWriter struct {
	io.Writer
	n *atomic.Int64
}

func (c countingWriter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p))) // before the client knows
	return c.Writer.Write(p)
}

// From an image of a gigabyte in a real registry, what is read is what is needed, and little else.
func TestReadsLittleFromARegistry(t *testing.T) {
	storage := t.TempDir()
	bigImage(t, storage)
	address, sent := dockerRegistry(t, storage)
	ref := image.Reference{Transport: image.Docker, Path: address + "/site/mirror", Name: "1"}

	closure := func(r *image.Reader) (records []catalog.Record) {
		for round := range 5 { // a package, what it needs, what these need …
			var names []string
			for i := range 1 + round*5 {
				names = append(names, fmt.Sprintf("name-%04d", (round*1777+i*i*91)%bigCount))
			}
			found, _, err := r.Find(t.Context(), imagetest.Kind, names)
			must(t, err)
			for _, list := range found {
				records = append(records, list...)
			}
		}
		return records
	}
	for name, choose := range map[string]func(r *image.Reader) []catalog.Record{
		"one": func(r *image.Reader) []catalog.Record {
			found, _, err := r.Find(t.Context(), imagetest.Kind, []string{"name-4321"})
			must(t, err)
			return found["name-4321"]
		},
		"a closure": closure,
		"a set": func(r *image.Reader) []catalog.Record {
			set, err := r.Set(t.Context(), "some", "any")
			must(t, err)
			return set
		},
	} {
		sent.Store(0)
		r := reader(t, ref, image.Options{})
		records := choose(r)
		var files []catalog.File
		var needed int64
		seen := map[string]bool{}
		for i := range records {
			if f := records[i].Stored()[0]; !seen[f.Path] {
				seen[f.Path] = true
				files = append(files, f)
				needed += f.Size
			}
		}
		d := newDesk()
		must(t, r.Fetch(t.Context(), files, d.take))
		if len(d.files) != len(files) || len(files) == 0 {
			t.Errorf("%s: %d files of %d", name, len(d.files), len(files))
		}
		got, most := sent.Load(), needed*102/100+256<<10
		t.Logf("%s: %d files, %d bytes: read %d, %d more (%d more are allowed)", name, len(files), needed, got, got-needed, most-needed)
		if got > most {
			t.Errorf("%s: %d bytes read for %d", name, got, needed)
		}
		must(t, r.Close())
	}
}
