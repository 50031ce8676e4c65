package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/openpgp"
)

// MaxRelease is the largest Release or InRelease that is read, in bytes; Debian's are below 1 MB.
const MaxRelease = 64 << 20

// A Release is a verified Release file: repository format, "Release files".
type Release struct {
	suite  string // as the client asks for it: "bookworm", "bookworm-security", "./"
	url    string // where it came from
	digest string // of the signed bytes
	proofs []artifact.Proof
	openpgp.Signature
	date    time.Time // its own, or the signature's
	undated error     // why its own date is not used
	Header  deb822.Paragraph
	Files   map[string]artifact.Content // by path below the suite's folder
	doubled []string                    // names of files that the release lists with different digests or sizes
	missing []string                    // names of wanted indexes that it does not list
	own     bool                        // nobody has published it: it is the index of own packages
}

// fetchRelease brings a suite's InRelease from one address of the source, or
// Release and Release.gpg where that has no InRelease, verifies the signature and
// checks the dates.
func fetchRelease(ctx context.Context, up artifact.Upstream, src Source, url, suite string, now time.Time) (*Release, error) {
	get := func(file string) ([]byte, string, error) {
		data, answer, err := artifact.Get(ctx, up, artifact.Request{URLs: []string{artifact.JoinAddress(url, path.Join(deb822.Dists(suite), file))}, Limit: MaxRelease})
		if err != nil {
			return nil, "", err
		}
		return data, answer.URL, nil
	}
	r := &Release{suite: suite}
	signed, from, err := get("InRelease")
	var text []byte
	switch {
	case err == nil:
		r.url, r.digest = from, deb822.SHA256(signed)
		r.prove(src, "InRelease", signed)
		text, r.Signature, err = src.Keys.VerifyInline(signed, now)
	case errors.Is(err, fs.ErrNotExist):
		absent := err
		if text, from, err = get("Release"); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, artifact.Hint(fmt.Errorf("%w\n%w", absent, err), "check the address and the suite of the source; a flat repository's suite ends in \"/\"")
			}
			return nil, err
		}
		r.url, r.digest = from, deb822.SHA256(text)
		r.prove(src, "Release", text)
		detached, _, sigErr := get("Release.gpg")
		if sigErr != nil {
			return nil, artifact.Verifyf("%s: it is not signed: %w", from, sigErr)
		}
		r.prove(src, "Release.gpg", detached)
		if r.Signature, err = src.Keys.VerifyDetached(text, detached, now); errors.Is(err, openpgp.ErrChanged) {
			err = &inMotion{err} // the two may be of two moments
		}
	default:
		return nil, err
	}
	if hinted := (*artifact.HintError)(nil); err != nil && (errors.As(err, &hinted) || !errors.Is(err, openpgp.ErrUnsigned)) {
		return nil, fmt.Errorf("%s: %w", r.url, err)
	} else if err != nil {
		return nil, artifact.Hint(fmt.Errorf("%s: %w", r.url, err), "name the keyring of this source in signed-by; never use a key that you have not checked")
	}
	if err := r.Parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w", r.url, err)
	}
	return r, r.checkDates(src, now)
}

// Parse reads the fields of a Release file without its signature, and its lists of files with SHA-256 or SHA-512. It does not
// check the dates; a Release without such a list is an artifact.ErrVerify.
func (r *Release) Parse(text []byte) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return errors.New("a NUL byte is in it")
	}
	header, err := deb822.ParseStanza(string(text))
	if err != nil {
		return err
	}
	r.Header = header
	if r.date, err = parseDate(r.Header.Get("Date")); err != nil {
		r.undated = err
	}
	return r.parseLists()
}

// alias is the other name that a release gives to its suite: its codename for
// "stable", "stable" for its codename.
func (r *Release) alias(suite string) string {
	for _, field := range []string{"Suite", "Codename"} {
		if name := r.Header.Get(field); name != suite {
			return name
		}
	}
	return ""
}

// carried are the fields that a client sees again in our own Release.
var carried = []string{"Origin", "Label", "Suite", "Version", "Codename", "Description", "NotAutomatic", "ButAutomaticUpgrades"}

// metadata returns those fields, and what we took of the release.
func (r *Release) metadata(components, architectures []string) []string {
	var lines []string
	for _, name := range carried {
		if value := r.Header.Get(name); value != "" && !strings.Contains(value, "\n") {
			lines = append(lines, deb822.EncodeText(name+": "+value))
		}
	}
	if !deb822.IsFlat(r.suite) {
		lines = append(lines, "Components: "+strings.Join(components, " "))
	}
	return append(lines, "Architectures: "+strings.Join(architectures, " "))
}
