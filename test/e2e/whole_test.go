package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// cmdWhole checks a folder against the OCI image layout: each blob has its
// digest, what the index leads to is there, and nothing else is.
func cmdWhole(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: whole DIR")
	}
	dir := ts.MkAbs(args[0])
	var index ocispec.Index
	ts.Check(readJSON(filepath.Join(dir, "index.json"), &index))
	wanted := map[string]bool{"index.json": true, "oci-layout": true}
	for _, m := range index.Manifests {
		var manifest ocispec.Manifest
		ts.Check(readJSON(filepath.Join(dir, blob(m)), &manifest))
		for _, d := range append(manifest.Layers, m, manifest.Config) {
			wanted[blob(d)] = true
		}
	}
	ts.Check(filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if !wanted[name] {
			return fmt.Errorf("%s is left behind", file)
		}
		delete(wanted, name)
		if !strings.HasPrefix(name, "blobs/") {
			return nil
		}
		data, err := os.ReadFile(file)
		if err == nil && debiantest.SHA256(data) != filepath.Base(name) {
			err = fmt.Errorf("%s holds something else", file)
		}
		return err
	}))
	for name := range wanted {
		ts.Fatalf("%s is missing", name)
	}
}

func blob(d ocispec.Descriptor) string {
	return filepath.Join("blobs", string(d.Digest.Algorithm()), d.Digest.Encoded())
}

func readJSON(file string, v any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
