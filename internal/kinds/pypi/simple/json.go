package simple

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/pypi/pep508"
)

// jsonFile is an element of "files" (PEP 691, 700, 714, 740). Values of other types than the specification's are as if they were absent.
type jsonFile struct {
	Filename       text            `json:"filename"`
	URL            text            `json:"url"`
	Hashes         json.RawMessage `json:"hashes"`
	Size           json.RawMessage `json:"size"`
	RequiresPython text            `json:"requires-python"`
	Yanked         json.RawMessage `json:"yanked"`
	UploadTime     text            `json:"upload-time"`
	CoreMetadata   json.RawMessage `json:"core-metadata"`
	DistInfo       json.RawMessage `json:"dist-info-metadata"`
	Provenance     text            `json:"provenance"`
}

// text is a string; anything else is empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
	}
	return nil
}

// readJSON reads a page, of which no more than one file at a time is in memory.
func (p *Page) readJSON(r io.Reader, base *url.URL, pass func(*File) error) error {
	d := json.NewDecoder(r)
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	files := false
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return malformed(err)
		}
		switch key, _ := token.(string); key {
		case "files":
			if files {
				return errors.New("the page has two lists of files")
			}
			files = true
			err = p.jsonFiles(d, base, pass)
		case "meta":
			err = p.jsonMeta(d)
		case "project-status":
			err = p.jsonStatus(d)
		case "name":
			var name text
			if err = d.Decode(&name); err == nil && (!pep508.ValidName(string(name)) || pep508.NormalizeName(string(name)) != p.Project) {
				err = fmt.Errorf("the page is of the project %q", shorten(string(name)))
			}
		default:
			err = skip(d)
		}
		if err != nil {
			return malformed(err)
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if !files {
		return errors.New("the page has no list of files")
	}
	return nil
}

// malformed explains errors of the decoder.
func malformed(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the page is not complete JSON: %w", err)
	}
	return err
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return malformed(err)
	}
	if token != want {
		return fmt.Errorf("the page has %v where %s must be", token, want)
	}
	return nil
}

// skip passes over a value, token by token.
func skip(d *json.Decoder) error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// jsonMeta wants a version of the API that this program knows: PEP 629.
func (p *Page) jsonMeta(d *json.Decoder) error {
	var meta struct {
		Version text `json:"api-version"`
		Status  text `json:"project-status"` // as PEP 792 was first published
		Reason  text `json:"project-status-reason"`
	}
	if err := d.Decode(&meta); err != nil {
		return err
	}
	if meta.Status != "" {
		p.Status, p.Reason = string(meta.Status), string(meta.Reason)
	}
	return checkVersion(string(meta.Version))
}

func checkVersion(version string) error {
	if major, _, _ := strings.Cut(version, "."); version != "" && major != "1" {
		return fmt.Errorf("the page is of version %q of the simple API, and this program knows version 1", shorten(version))
	}
	return nil
}

func (p *Page) jsonStatus(d *json.Decoder) error {
	var status struct {
		Status text `json:"status"`
		Reason text `json:"reason"`
	}
	if err := d.Decode(&status); err != nil {
		return err
	}
	if status.Status != "" {
		p.Status, p.Reason = string(status.Status), string(status.Reason)
	}
	return nil
}

func (p *Page) jsonFiles(d *json.Decoder, base *url.URL, pass func(*File) error) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for d.More() {
		var raw jsonFile
		if err := d.Decode(&raw); err != nil {
			return err
		}
		f := &File{Name: string(raw.Filename), URL: resolve(base, string(raw.URL)), Size: -1, RequiresPython: string(raw.RequiresPython), Provenance: resolve(base, string(raw.Provenance))}
		f.SHA256 = sha256Of(raw.Hashes)
		var size int64
		if json.Unmarshal(raw.Size, &size) == nil && size >= 0 && string(raw.Size) != "null" {
			f.Size = size
		}
		var reason string
		if json.Unmarshal(raw.Yanked, &f.Yanked) != nil && json.Unmarshal(raw.Yanked, &reason) == nil {
			f.Yanked, f.YankedReason = true, reason
		}
		if at, err := time.Parse(time.RFC3339, string(raw.UploadTime)); err == nil {
			f.Uploaded = at.UTC()
		}
		announced := raw.CoreMetadata
		if announced == nil {
			announced = raw.DistInfo
		}
		if json.Unmarshal(announced, &f.Metadata) != nil {
			f.MetadataSHA256 = sha256Of(announced)
			f.Metadata = len(announced) > 0 && announced[0] == '{'
		}
		if err := p.take(f, pass); err != nil {
			return err
		}
	}
	return expect(d, json.Delim(']'))
}

// sha256Of is the digest of an object of digests.
func sha256Of(data json.RawMessage) string {
	var hashes map[string]text
	if json.Unmarshal(data, &hashes) != nil {
		return ""
	}
	return strings.ToLower(string(hashes["sha256"]))
}

// resolve makes an address absolute, without its fragment. What is not an address of the network is empty.
func resolve(base *url.URL, address string) string {
	if address == "" {
		return ""
	}
	u, err := base.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}
