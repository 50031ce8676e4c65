package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/term"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/medium"
	"github.com/minimirror/minimirror/internal/bundle/medium/s3"
	checked "github.com/minimirror/minimirror/internal/bundle/report"
	"github.com/minimirror/minimirror/internal/bundle/seal"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
	"github.com/minimirror/minimirror/internal/fec"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
)

// How much garbage may wait, in percent of the memory in use.
const (
	// Decryption allocates a buffer for each 64 KiB, and with the little memory that bundles use, the collection of these takes a tenth of the
	// processor time. It costs some 4 MB.
	garbageOfDecryption = 160
	// An upload keeps two chunks, and there is hardly any garbage: less of it saves 7 MB, and nothing is slower.
	garbageOfUploads = 50
)

// setGarbage sets how much garbage may wait, unless GOGC does.
func setGarbage(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// openContent opens the images that a reference means, with everything that they consist of.
func (c *command) openContent(_ context.Context, text string, o *registry.Options) (content.Source, error) {
	if host, is := registryAlone(text); is {
		return nil, artifact.Hint(artifact.Usagef("%s: say which images of the registry", text), "all of them: docker://%s --all; or one: docker://%s/NAME:TAG", host, host)
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

// openMedium opens the bundle at a place to read it: a folder, a file, or a prefix of an object store. keys choose among several bundles there.
func (c *command) openMedium(ctx context.Context, text string, keys []signed.Key) (medium.Medium, error) {
	if isS3(text) {
		store, err := c.openS3(text)
		if err != nil {
			return nil, err
		}
		return bundle.Newest(ctx, store, keys, func(text string) { fmt.Fprintf(c.stderr, "note: %s\n", text) })
	}
	info, err := os.Stat(text)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, artifact.Hint(&noSourceError{err}, "mount the stick, or name the folder or the file that minimirror export wrote")
	case err != nil:
		return nil, &noSourceError{err}
	case info.IsDir():
		return medium.OpenFolder(text)
	case !info.Mode().IsRegular():
		return nil, artifact.Hint(artifact.Usagef("%s: not a folder or a regular file", text), "write - for standard input")
	}
	return medium.OpenArchive(text, bundle.IsFileName)
}

// A noSourceError is that a place cannot be opened at all: there is nothing to report about.
type noSourceError struct{ err error }

func (e *noSourceError) Error() string { return e.err.Error() }
func (e *noSourceError) Unwrap() error { return e.err }

// createMedium opens a place to write a bundle to. A name that ends in .tar, or that is a file, means one file.
func (c *command) createMedium(_ context.Context, text string) (medium.Medium, error) {
	if text == "-" {
		return medium.NewStream("standard output", c.bytes(), ""), nil
	}
	if isS3(text) {
		setGarbage(garbageOfUploads)
		return c.openS3(text)
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

// readKeys reads the public keys of --verify-key.
func readKeys(ctx context.Context, files []string) (keys []signed.Key, err error) {
	return readKeysOf(ctx, "--verify-key", files)
}

// readKeysOf is readKeys for another flag.
func readKeysOf(ctx context.Context, flag string, files []string) (keys []signed.Key, err error) {
	for _, file := range files {
		data, err := artifact.ReadInput(ctx, file)
		if errors.Is(err, fs.ErrNotExist) {
			err = artifact.Hint(err, "name the file with the signer's public key, that you have from them")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		key, err := signed.ReadKey(file, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
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
		if errors.Is(err, fs.ErrNotExist) {
			err = artifact.Hint(err, "name the file with the private key, such as the one that age-keygen -o FILE made")
		}
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

// s3Help explains places in object stores in the help of the verbs for bundles.
const s3Help = `s3://BUCKET/PREFIX is a place in a store that speaks the protocol of Amazon S3. Credentials,
region and address are from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and
AWS_ENDPOINT_URL, or from the profile AWS_PROFILE in ~/.aws; see docs/bundles.md.
`

// s3Flags are the flags that say how to reach an object store. --insecure is among those of registries.
func (c *command) s3Flags() {
	c.flags.StringVar(&c.s3.Endpoint, "s3-endpoint", "", "address of the S3 store, such as https://s3.example.org:9000 (default: AWS_ENDPOINT_URL, or Amazon's)")
	c.flags.StringVar(&c.s3.Region, "s3-region", "", "region of the bucket (default: AWS_REGION, or the one that the store names)")
	c.flags.StringVar(&c.s3.Addressing, "s3-addressing", "auto", "where the name of the bucket goes: path (HOST/BUCKET), virtual (BUCKET.HOST) or auto")
	c.flags.StringVar(&c.s3.CAFile, "s3-ca", "", "PEM file with authorities to accept for the S3 store, besides the system's (default: AWS_CA_BUNDLE)")
}

// isS3 reports whether a place is a prefix of an object store.
func isS3(text string) bool { return strings.HasPrefix(text, s3.Scheme) }

// openS3 prepares to use a prefix of an object store.
func (c *command) openS3(text string) (*s3.Store, error) {
	o := c.s3
	o.Log = c.log()
	if insecure := c.flags.Lookup("insecure"); insecure != nil {
		o.Insecure = insecure.Value.String() == "true"
	}
	return s3.Open(text, o)
}

// bundleReport are the flags for the report of what was checked.
type bundleReport struct {
	checked.Run
	keyFile string
}

// reportFlags declares --report and --report-key.
func (c *command) reportFlags(otherwise string) *bundleReport {
	r := new(bundleReport)
	once(c.flags, &r.File, "report", "file for the report of what was checked; beside FILE.json, the in-toto statement FILE.intoto.json, and FILE.html and FILE.txt, which are one page to sign (default: "+otherwise+")")
	once(c.flags, &r.keyFile, "report-key", "file with a private key (PEM), such as build --sign-image takes, that signs the statement")
	return r
}

// begin reads the key, and notes the time.
func (r *bundleReport) begin(ctx context.Context, c *command, action string, sources, destinations []string) error {
	r.Options = checked.Options{Action: action, Sources: sources, Destinations: destinations, Started: c.now(), Synchronized: checked.Synchronized()}
	if r.keyFile == "" {
		return nil
	}
	keys, err := imageKeys(ctx, []string{r.keyFile}, "report-key")
	if err == nil {
		r.Key = keys[0]
	}
	return err
}

// end writes the report, also of what failed, and returns err.
func (r *bundleReport) end(ctx context.Context, c *command, done *bundle.Imported, err error) error {
	if none := (*noSourceError)(nil); ctx.Err() != nil || errors.As(err, &none) || done == nil && errors.Is(err, artifact.ErrUsage) {
		return err // not checked to the end, or at all
	}
	file, verdict, writeErr := r.End(done, err, c.now(), programVersion())
	if writeErr != nil {
		return errors.Join(err, fmt.Errorf("report: %w", writeErr))
	}
	if file != "" {
		fmt.Fprintf(c.stderr, "report: %s (%s)\n", file, verdict)
	}
	return err
}

// createStream is standard output, with parity. The function ends the stream.
func (c *command) createStream(share fec.Share) (medium.Medium, func() error, error) {
	out := bufio.NewWriterSize(c.bytes(), 64<<10)
	w, err := fec.NewWriter(out, share)
	if err != nil {
		return nil, nil, err
	}
	end := func() error {
		if err := w.Close(); err != nil {
			return err
		}
		return out.Flush()
	}
	return medium.NewStream("standard output", w, ""), end, nil
}

// streamPeek is how much of standard input is looked at for parity, at most.
const streamPeek = 64 << 10

// importStream imports from standard input, with parity or without. What is lost beyond it is read as zeros, which do not verify: so the parts are named.
// The function, to be called when the result was printed, reads what is left in the pipe.
func (c *command) importStream(ctx context.Context, im *bundle.Importer, in io.Reader) (*bundle.Imported, func() error, error) {
	nothing := func() error { return nil }
	buffered := bufio.NewReaderSize(in, streamPeek)
	head, err := buffered.Peek(streamPeek)
	if len(head) == 0 && err != nil && err != io.EOF { //nolint:errorlint // of bufio
		return nil, nothing, err
	}
	if !fec.IsStream(head) {
		done, err := im.ImportStream(ctx, buffered)
		return done, nothing, err
	}
	r := fec.NewReader(buffered)
	gaps, lost := 0, int64(0)
	r.Lost = func(g fec.Gap) error {
		const most = 10
		switch gaps++; {
		case g.Length == 0:
			fmt.Fprintf(c.stderr, "warning: the stream ends after %d bytes, and its end is lost\n", g.Offset)
		case gaps <= most:
			fmt.Fprintf(c.stderr, "warning: %s of the stream are lost, more than its parity restores\n", g)
		}
		lost += g.Length
		return nil
	}
	done, err := im.ImportStream(ctx, r)
	if gaps > 0 {
		fmt.Fprintf(c.stderr, "warning: %d bytes of the stream are lost, in %d places\n", lost, gaps)
	}
	if r.Restored > 0 {
		fmt.Fprintf(c.stderr, "note: %d pieces of 1 KiB that the stream had lost were restored\n", r.Restored)
		if done != nil {
			done.StreamRestored = r.Restored * 1024
		}
	}
	return done, r.Drain, err
}
