package report

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle"
	"github.com/minimirror/minimirror/internal/bundle/signed"
	"github.com/minimirror/minimirror/internal/content"
)

// imported is a result with parts, of which some are not verified.
func imported(parts int, status map[int]string) *bundle.Imported {
	h := &bundle.Header{Version: 1, ID: digest.FromString("id").Encoded(), Sequence: 7, Created: "2026-12-01T00:00:00Z", Name: "docker", PartCount: parts,
		Blobs: []content.Blob{{Digest: digest.FromString("a"), Size: 1 << 20}}, Base: &bundle.Base{Blobs: []content.Blob{{Digest: digest.FromString("b"), Size: 1}}}}
	h.Images = []content.Image{{Name: "docker:1", Descriptor: v1.Descriptor{Digest: digest.FromString("image")}}, {Descriptor: v1.Descriptor{Digest: digest.FromString("signature")}, Subject: digest.FromString("image")}}
	done := &bundle.Imported{Header: h, By: signed.By{Key: "minisign RWQexample", File: "site.pub", Comment: "bundle"}}
	for n := 1; n <= parts; n++ {
		name := fmt.Sprintf("part-%04d.tar", n)
		sum := digest.FromString(name).Encoded()
		h.Parts = append(h.Parts, bundle.Part{Number: n, Name: name, Size: 1e6, SHA256: sum})
		p := bundle.ImportedPart{Number: n, Name: name, Medium: "/media/<stick>", Status: bundle.Verified, Size: 1e6, SHA256: sum}
		if s := status[n]; s != "" {
			p.Status = s
		}
		switch p.Status {
		case bundle.Bad:
			p.SHA256, p.Err = digest.FromString("other").Encoded(), artifact.Hint(artifact.Verifyf("changed or damaged"), "export it again")
		case bundle.Missing:
			p.SHA256, p.Medium = "", ""
		case bundle.Repaired:
			p.Restored = int64(n)
		}
		done.Parts = append(done.Parts, p)
	}
	return done
}

func options() Options {
	kept := false
	return Options{Action: "import", Sources: []string{"/media/stick"}, Destinations: []string{"oci:mirror"}, Started: time.Unix(1796083200, 0), Finished: time.Unix(1796083290, 0), Host: "gate",
		Synchronized: &kept, Program: Program{"minimirror", "1.2.0", digest.FromString("program").Encoded(), "linux/amd64"}}
}

func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		done    *bundle.Imported
		err     error
		action  string
		depth   string
		verdict string
		want    []string // in the text and in the page
	}{
		"passed": {imported(2, nil), nil, "import", "", Passed, []string{"PASSED", "every blob at the destination has its digest", "1 more, 1 byte, had to be at the destination", "docker, sequence 7", "minisign RWQexample in site.pub",
			"2026-12-01T00:00:00Z to 2026-12-01T00:01:30Z, by the clock of this machine, gate (not synchronized with a time service)", "minimirror 1.2.0, linux/amd64", digest.FromString("part-0002.tar").Encoded()[short:], digest.FromString("program").Encoded()[short:], "attached to sha256:"}},
		"verified":      {imported(2, nil), nil, "verify", "", Passed, []string{"Report of a verification", "Nothing was imported"}},
		"carried":       {imported(2, nil), nil, "verify", Carried, Passed, []string{"The content is encrypted, and was not looked at"}},
		"bad":           {imported(3, map[int]string{2: bundle.Bad, 3: bundle.Missing}), artifact.Verifyf("2 of 3 parts are missing or bad:\n  part-0002.tar: changed or damaged"), "import", "", Failed, []string{"FAILED", "part-0002.tar: changed or damaged", "No image is visible"}},
		"repaired":      {imported(3, map[int]string{1: bundle.Repaired, 3: bundle.Repaired}), nil, "import", "", Passed, []string{"PASSED", "2 of 3 parts damaged or missing, and restored from parity: 4 blocks of 4 KiB", "repaired, 1 block", "repaired, 3 blocks"}},
		"missing":       {imported(3, map[int]string{3: bundle.Missing}), artifact.Hint(errors.New("1 of 3 parts are missing"), "bring it"), "import", "", Incomplete, []string{"INCOMPLETE", "1 of 3 parts are missing"}},
		"disk":          {&bundle.Imported{Header: imported(3, nil).Header, Parts: imported(3, map[int]string{1: bundle.Missing}).Parts[:2]}, errors.New("no space left on device"), "import", "", Failed, []string{"no space left"}},
		"not signed":    {nil, artifact.Verifyf("the header is signed with another key"), "import", "", Failed, []string{"No header with a valid signature", "signed with another key"}},
		"strange bytes": {nil, artifact.Verifyf("name \u202e<script>"), "import", "", Failed, []string{`name \u202e`}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Action, o.Depth = test.action, test.depth
			r := New(test.done, test.err, o)
			data, err := r.JSON()
			if err != nil {
				t.Fatal(err)
			}
			html, err := r.HTML("report.json", data)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != test.verdict {
				t.Errorf("%s, want %s", r.Verdict, test.verdict)
			}
			text := string(r.Text("report.json", data))
			for _, want := range append(test.want, fmt.Sprintf("%x", sha256.Sum256(data)), "Signature") {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
				if !strings.Contains(string(html), want) {
					t.Errorf("no %q in the page", want)
				}
			}
			if strings.Contains(text, "hint:") || strings.Contains(string(html), "<script>") || strings.Contains(string(html), "<stick>") {
				t.Error("a hint in the report, or text that is not escaped")
			}
			var back Report
			if err := json.Unmarshal(data, &back); err != nil || back.Verdict != test.verdict || len(back.Parts) != len(r.Parts) {
				t.Errorf("%v, %+v", err, back)
			}
		})
	}
}

// However many parts there are, the page has one row for each of a few, and names those that are not verified.
func TestOnePage(t *testing.T) {
	many := map[int]string{}
	for n := 100; n < 200; n += 2 {
		many[n] = bundle.Bad
	}
	for name, test := range map[string]struct {
		parts  int
		status map[int]string
		rows   int
		want   string
	}{
		"few":      {mostParts, nil, mostParts, "part-0001.tar"},
		"500":      {500, nil, 1, "part-0001.tar – part-0500.tar"},
		"two bad":  {500, map[int]string{7: bundle.Bad, 9: bundle.Missing}, 5, "part-0007.tar"},
		"many bad": {500, many, mostParts, "45 not verified"},
	} {
		r := New(imported(test.parts, test.status), nil, options())
		rows := r.rows("report.json")
		text := string(r.Text("report.json", nil))
		if len(rows) != test.rows || !strings.Contains(text, test.want) {
			t.Errorf("%s: %d rows, want %d and %q:\n%s", name, len(rows), test.rows, test.want, text)
		}
	}
	r := New(imported(500, nil), nil, options())
	sums := sha256.New()
	for _, p := range r.Parts {
		fmt.Fprintf(sums, "%s  %s\n", p.Stated, p.Name)
	}
	if w := r.rows("x")[0]; w.Short+w.Rest != fmt.Sprintf("%x", sums.Sum(nil)) || w.Size != "500.0 MB" {
		t.Errorf("%+v", w)
	}
}

type verifier struct {
	key crypto.PublicKey
}

func (v verifier) Verify(_ context.Context, data, sig []byte) error {
	sum := sha256.Sum256(data)
	if key, is := v.key.(*ecdsa.PublicKey); is && ecdsa.VerifyASN1(key, sum[:], sig) {
		return nil
	}
	if key, is := v.key.(ed25519.PublicKey); is && ed25519.Verify(key, data, sig) {
		return nil
	}
	return errors.New("not signed by this key")
}
func (verifier) KeyID() (string, error)     { return "", nil }
func (v verifier) Public() crypto.PublicKey { return v.key }

// What is written can be read by another implementation of DSSE, and is about the images and the parts.
func TestWrite(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "reports")
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	r := New(imported(2, nil), nil, options())
	isStatement := func(data []byte) {
		t.Helper()
		var s statement
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		if s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != Predicate || len(s.Subject) != 4 || s.Subject[0].Digest["sha256"] != digest.FromString("image").Encoded() || s.Subject[3].Name != "part-0002.tar" || s.Predicate.Verdict != Passed {
			t.Errorf("%s", data)
		}
	}
	for _, key := range []crypto.Signer{ec, ed} {
		if err := r.Write(filepath.Join(dir, "r.json"), key); err != nil {
			t.Fatal(err)
		}
		var e dsse.Envelope
		if err := json.Unmarshal(read("r.intoto.json"), &e); err != nil {
			t.Fatal(err)
		}
		verify, err := dsse.NewEnvelopeVerifier(verifier{key.Public()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify.Verify(t.Context(), &e); err != nil {
			t.Error(err)
		}
		data, err := e.DecodeB64Payload()
		if err != nil {
			t.Fatal(err)
		}
		isStatement(data)
	}
	if err := r.Write(filepath.Join(dir, "plain"), nil); err != nil {
		t.Fatal(err)
	}
	isStatement(read("plain.intoto.json"))
	if !strings.Contains(string(read("plain.html")), "plain.json") || !strings.Contains(string(read("plain.txt")), fmt.Sprintf("%x", sha256.Sum256(read("plain.json")))) {
		t.Error("the page does not name the JSON")
	}
	if err := New(nil, errors.New("no"), options()).Write(filepath.Join(dir, "none"), ec); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none.intoto.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a statement about nothing: %v", err)
	}
	if p, err := ThisProgram("1"); err != nil || len(p.SHA256) != 64 {
		t.Errorf("%+v, %v", p, err)
	}
}
