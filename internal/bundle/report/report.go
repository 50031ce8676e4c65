// Package report states what an import or a verification of a bundle has checked: for programs as JSON and as an in-toto statement, for people as a
// page to sign and as text.
//
//	bundle.Imported ──New──▶ Report ──Write──▶ NAME.json, NAME.intoto.json, NAME.html, NAME.txt
package report

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
)

// Version is the version of a report's format.
const Version = 1

// Verdicts.
const (
	Passed     = "passed"     // everything was checked, and is as the signer says
	Failed     = "failed"     // something is not as the signer says, or could not be checked
	Incomplete = "incomplete" // parts are missing; what was there is as the signer says
)

// A Report is what was checked. As JSON it is the predicate of the in-toto statement, too.
type Report struct {
	Version      int      `json:"version"`
	Action       string   `json:"action"` // "import" or "verify"
	Verdict      string   `json:"verdict"`
	Problems     []string `json:"problems,omitempty"` // why it is not Passed, a line each
	Sources      []string `json:"sources"`            // as the user wrote them
	Destinations []string `json:"destinations,omitempty"`
	// Depth says what the verdict covers: "content", or "carried" if an encrypted bundle was checked without the key that decrypts it.
	Depth   string  `json:"depth"`
	Bundle  *Bundle `json:"bundle,omitempty"` // null: no header has a valid signature
	Key     *Key    `json:"key,omitempty"`
	Clock   Clock   `json:"clock"`
	Program Program `json:"program"`
	Images  []Image `json:"images,omitempty"`
	Blobs   Blobs   `json:"blobs"`
	Parts   []Part  `json:"parts,omitempty"`
	// Stream is how many bytes of a stream were lost and restored from its parity.
	Stream int64 `json:"streamRestored,omitempty"`
}

// Depths of a check.
const (
	Content = "content"
	Carried = "carried"
)

// A Bundle is what the signed header says.
type Bundle struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Sequence   int64    `json:"sequence"`
	Created    string   `json:"created"` // by the clock of the machine that exported it
	Encryption string   `json:"encryption,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	PartCount  int      `json:"partCount"`
}

// A Key is the key that has signed the header.
type Key struct {
	File    string `json:"file,omitempty"`    // of --verify-key
	ID      string `json:"id"`                // with the format: "minisign RW…", "OpenPGP FINGERPRINT"
	Comment string `json:"comment,omitempty"` // minisign's trusted comment
	// Signed is the time in the signature, by the signer's clock; empty: the format has none.
	Signed string `json:"signed,omitempty"`
}

// A Clock says when, and by which clock: that of the machine that made the report. No time of it decides whether a bundle is accepted.
type Clock struct {
	Started  string `json:"started"`  // RFC 3339, UTC
	Finished string `json:"finished"` // RFC 3339, UTC
	Of       string `json:"of"`       // the machine's name
	// Synchronized is whether the machine's kernel says that a time service keeps its clock; null: it does not say.
	Synchronized *bool `json:"synchronized"`
}

// A Program is the program that made the report.
type Program struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	SHA256   string `json:"sha256"` // of its file
	Platform string `json:"platform"`
}

// An Image is an image that the bundle carries.
type Image struct {
	Name    string `json:"name,omitempty"`
	Digest  string `json:"digest"`
	Subject string `json:"attachedTo,omitempty"` // the digest of the image to which it is attached
}

// Blobs are numbers of blobs, and their bytes.
type Blobs struct {
	Carried int   `json:"carried"`
	Size    int64 `json:"size"`
	// Base are the blobs that the destination must have had before.
	Base     int   `json:"base,omitempty"`
	BaseSize int64 `json:"baseSize,omitempty"`
}

// A Part is a part, and what was found of it.
type Part struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	Medium string `json:"medium,omitempty"` // where it was read
	Status string `json:"status"`           // bundle.Verified, Repaired, Known, Bad or Missing
	Size   int64  `json:"size,omitempty"`   // bytes as carried
	// Stated and Found are the SHA-256 as carried, in the header and as computed. Empty: no header lists the part, or it was not read.
	Stated  string `json:"stated,omitempty"`
	Found   string `json:"found,omitempty"`
	Problem string `json:"problem,omitempty"`
	// Restored is how many blocks of 4096 bytes were restored from parity.
	Restored int64 `json:"restored,omitempty"`
}

// Options say what New cannot take from the result.
type Options struct {
	Action                string // "import" or "verify"
	Sources, Destinations []string
	Depth                 string // Content or Carried
	Started, Finished     time.Time
	Host                  string
	Synchronized          *bool
	Program               Program
}

// New makes a report of a result, which may be nil, and of the error with which it ended.
func New(done *bundle.Imported, err error, o Options) *Report {
	r := &Report{Version: Version, Action: o.Action, Verdict: Passed, Sources: o.Sources, Destinations: o.Destinations, Depth: cmp.Or(o.Depth, Content), Program: o.Program,
		Clock: Clock{timeText(o.Started), timeText(o.Finished), o.Host, o.Synchronized}}
	missing, bad := 0, 0
	if done != nil && done.Header != nil {
		r.header(done)
		r.Stream = done.StreamRestored
		for _, p := range done.Parts {
			part := Part{Number: p.Number, Name: p.Name, Medium: p.Medium, Status: p.Status, Size: p.Size, Found: p.SHA256, Restored: p.Restored}
			if stated := done.Header.Part(p.Number); stated != nil {
				part.Stated, part.Size = stated.SHA256, stated.Size
			}
			if p.Err != nil {
				part.Problem = plain(p.Err)
			}
			switch p.Status {
			case bundle.Missing:
				missing++
			case bundle.Bad:
				bad++
			}
			r.Parts = append(r.Parts, part)
		}
	}
	if err != nil {
		r.Verdict, r.Problems = Failed, strings.Split(plain(err), "\n")
		if bad == 0 && missing > 0 && len(r.Parts) == r.Bundle.PartCount && !errors.Is(err, artifact.ErrVerify) {
			r.Verdict = Incomplete
		}
	}
	return r
}

func (r *Report) header(done *bundle.Imported) {
	h := done.Header
	r.Bundle = &Bundle{h.ID, h.Name, h.Sequence, h.Created, h.Encryption, h.Recipients, h.PartCount}
	r.Key = &Key{File: done.By.File, ID: done.By.Key, Comment: done.By.Comment}
	if !done.By.Made.IsZero() {
		r.Key.Signed = timeText(done.By.Made)
	}
	for _, im := range h.Images {
		r.Images = append(r.Images, Image{im.Name, im.Digest.String(), im.Subject.String()})
	}
	r.Blobs.Carried = len(h.Blobs)
	for _, b := range h.Blobs {
		r.Blobs.Size += b.Size
	}
	if h.Base != nil {
		r.Blobs.Base = len(h.Base.Blobs)
		for _, b := range h.Base.Blobs {
			r.Blobs.BaseSize += b.Size
		}
	}
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plain is the text of an error without its hints: what to do about it is not what was found.
func plain(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "hint: ") {
			lines = append(lines, artifact.Printable(line))
		}
	}
	return strings.Join(lines, "\n")
}
