package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// openContent opens the images that a reference means, with everything that they consist of.
func (c *command) openContent(_ context.Context, text string, o *registry.Options) (content.Source, error) {
	if host, is := registryAlone(text); is {
		return nil, artifact.Hint(artifact.Usagef("%s: it is not said which images of the registry", text), "all of them: docker://%s --all; or one: docker://%s/NAME:TAG", host, host)
	}
	ref, err := image.ParseReadable(text)
	if err != nil {
		return nil, err
	}
	if ref.Transport == image.Anywhere {
		ref.Transport = image.OCIArchive
		if info, err := os.Stat(ref.Path); err == nil && info.IsDir() {
			ref.Transport = image.OCI
		}
	}
	var src content.Source
	switch ref.Transport {
	case image.OCI:
		src, err = content.OpenLayout(ref.Path, ref.Name)
	case image.OCIArchive:
		if src, err = content.OpenArchive(ref.Path, ref.Name); errors.Is(err, fs.ErrNotExist) && fileExists(ref.Path) {
			err = artifact.Hint(err, "what docker save writes has no OCI layout: skopeo copy docker-archive:%s oci:DIR:NAME", ref.Path)
		}
	case image.Docker:
		src, err = openRegistryImage(ref, o)
	case image.DockerArchive:
		err = artifact.Hint(artifact.Usagef("%s: a docker-archive does not have the image's manifest: its digest would change", text), "convert it: skopeo copy %s oci:DIR:NAME", text)
	default:
		err = artifact.Hint(artifact.Usagef("%s: not an image that can be exported", text), "name oci:DIR[:NAME], oci-archive:FILE[:NAME] or docker://HOST/NAME:TAG")
	}
	if err != nil {
		return nil, hintMissing(err, text)
	}
	return src, nil
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// openMedium opens the bundle at a place to read it: a folder or a file.
func (c *command) openMedium(_ context.Context, text string) (medium.Medium, error) {
	info, err := os.Stat(text)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return medium.OpenFolder(text)
	case !info.Mode().IsRegular():
		return nil, artifact.Hint(artifact.Usagef("%s: not a folder or a regular file", text), "write - for standard input")
	}
	return medium.OpenArchive(text)
}

// createMedium opens a place to write a bundle to. A name that ends in .tar, or that is a file, means one file.
func (c *command) createMedium(_ context.Context, text string) (medium.Medium, error) {
	if text == "-" {
		return medium.NewStream("standard output", c.bytes(), ""), nil
	}
	info, err := os.Stat(text)
	if err == nil && info.IsDir() || !strings.HasSuffix(text, ".tar") && errors.Is(err, fs.ErrNotExist) {
		return medium.NewFolder(text)
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, artifact.Hint(artifact.Usagef("%s: not a folder or a regular file", text), "write - for standard output")
	}
	return medium.NewArchive(text, func(name string) bool { return name == bundle.MinisignName || name == bundle.OpenPGPName })
}

// isStream reports whether a place is standard input or output.
func isStream(text string) bool { return text == "-" }

// openSink opens a destination of an import. The name of an OCI layout's image is applied by renamed.
func (f *importFlags) openSink(ref image.Reference, h *bundle.Header) (content.Sink, error) {
	switch ref.Transport {
	case image.OCI:
		return content.NewLayoutSink(ref.Path, h.ID)
	case image.Docker:
		state, err := stateFile(f.state)
		if err != nil {
			return nil, err
		}
		return openRegistrySink(ref, f.prefix, h, state, f.registry)
	}
	return nil, artifact.Hint(artifact.Usagef("--to %s: not a destination of an import", ref), "name oci:DIR[:NAME], docker://HOST/NAME:TAG or docker://HOST")
}

// recordFiles are the files that remember what was imported: one in each layout, else the one of --state.
func recordFiles(refs []image.Reference, state string) (all []bundle.RecordFile, err error) {
	for _, ref := range refs {
		if ref.Transport == image.OCI {
			all = append(all, bundle.RecordFile(filepath.Join(ref.Path, bundle.RecordName)))
		}
	}
	if state == "" && all == nil {
		if state, err = stateFile(""); err != nil {
			return nil, err
		}
	}
	if state != "" {
		all = append(all, bundle.RecordFile(state))
	}
	return all, nil
}

// stateFile is the file of --state; where that is not given, one in the user's folder for the state of programs.
func stateFile(state string) (string, error) {
	if state != "" {
		return state, nil
	}
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", artifact.Hint(err, "name a file that remembers what was imported: --state FILE")
		}
		folder = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(folder, "minimirror", bundle.RecordName), nil
}

// readKeys reads the public keys of --verify-key.
func readKeys(ctx context.Context, files []string) (keys []signed.Key, err error) {
	for _, file := range files {
		data, err := artifact.ReadInput(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("--verify-key: %w", err)
		}
		key, err := signed.ReadKey(file, data)
		if err != nil {
			return nil, fmt.Errorf("--verify-key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readOpeners reads the private keys of --identity. parts: the bundle itself may be encrypted with a passphrase.
func (c *command) readOpeners(ctx context.Context, files []string, parts bool) (openers []seal.Opener, err error) {
	var ageFiles, pgpFiles []seal.KeyFile
	for _, file := range files {
		data, err := artifact.ReadInput(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("--identity: %w", err)
		}
		if seal.IsOpenPGP(data) {
			pgpFiles = append(pgpFiles, seal.KeyFile{Name: file, Data: data})
		} else {
			ageFiles = append(ageFiles, seal.KeyFile{Name: file, Data: data})
		}
	}
	if pgpFiles != nil {
		o, err := seal.NewOpenPGPOpener(pgpFiles, c.passphrase, c.now)
		if err != nil {
			return nil, err
		}
		openers = append(openers, o)
	}
	if ageFiles != nil || parts {
		o, err := seal.NewAgeOpener(ageFiles, parts, c.passphrase)
		if err != nil {
			return nil, err
		}
		openers = append(openers, o)
	}
	return openers, nil
}

// passphrase is what decrypts something: of the environment, or typed on the terminal.
func (c *command) passphrase(what string) ([]byte, error) {
	if text, found := os.LookupEnv("MINIMIRROR_PASSPHRASE"); found {
		return []byte(text), nil
	}
	if file := os.Getenv("MINIMIRROR_PASSPHRASE_FILE"); file != "" {
		data, err := artifact.ReadFile(file)
		return bytes.TrimRight(data, "\r\n"), err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("the passphrase of %s is missing, and there is no terminal to ask for it", what), "put it into MINIMIRROR_PASSPHRASE, or its file into MINIMIRROR_PASSPHRASE_FILE")
	}
	defer tty.Close()
	fmt.Fprintf(tty, "Passphrase of %s: ", artifact.Printable(what))
	text, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return text, err
}
