package pypi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// apiVersion is that of the simple API whose fields pages have: PEP 629, 700.
const apiVersion = "1.1"

// Pages in JSON: PEP 691, 700, 714, 740. Old versions of pip fail if they find "dist-info-metadata", the older name of "core-metadata".
type (
	jsonMeta struct {
		Version string `json:"api-version"`
	}
	jsonPage struct {
		Meta     jsonMeta   `json:"meta"`
		Name     string     `json:"name"`
		Versions []string   `json:"versions"`
		Files    []jsonFile `json:"files"`
	}
	jsonFile struct {
		Filename       string      `json:"filename"`
		URL            string      `json:"url"`
		Hashes         jsonHashes  `json:"hashes"`
		Size           int64       `json:"size"`
		RequiresPython string      `json:"requires-python,omitempty"`
		Yanked         any         `json:"yanked"`
		Uploaded       string      `json:"upload-time,omitempty"`
		CoreMetadata   *jsonHashes `json:"core-metadata,omitempty"`
		Provenance     string      `json:"provenance,omitempty"`
	}
	jsonHashes struct {
		SHA256 string `json:"sha256"`
	}
	jsonList struct {
		Meta     jsonMeta      `json:"meta"`
		Projects []jsonProject `json:"projects"`
	}
	jsonProject struct {
		Name string `json:"name"`
	}
)

// write makes a page.
func (p *project) write(in format, files []*file) *page {
	if in.json {
		return newPage(p.json(files))
	}
	return newPage(p.html(files))
}

func (p *project) json(files []*file) []byte {
	all := jsonPage{Meta: jsonMeta{apiVersion}, Name: p.name, Files: make([]jsonFile, 0, len(files))}
	for _, f := range files {
		if !slices.Contains(all.Versions, f.item.Version) {
			all.Versions = append(all.Versions, f.item.Version)
		}
		address := escaped(f.name)
		one := jsonFile{Filename: f.name, URL: address, Hashes: jsonHashes{f.item.Files[0].SHA256}, Size: f.item.Files[0].Size, RequiresPython: f.RequiresPython, Yanked: f.Yanked, Uploaded: f.Uploaded}
		if f.Yanked && f.YankedReason != "" {
			one.Yanked = f.YankedReason
		}
		if f.metadata != nil {
			one.CoreMetadata = &jsonHashes{f.metadata.SHA256}
		}
		if f.provenance != nil {
			one.Provenance = address + provenanceEnd
		}
		all.Files = append(all.Files, one)
	}
	return encode(all)
}

// html makes a page as PEP 503 has it. Attributes about metadata are left out: some installers that read HTML fetch it twice.
func (p *project) html(files []*file) []byte {
	var b bytes.Buffer
	head(&b, "Links for "+p.name)
	for _, f := range files {
		fmt.Fprintf(&b, `<a href="%s#sha256=%s"`, html.EscapeString(escaped(f.name)), f.item.Files[0].SHA256)
		if f.RequiresPython != "" {
			fmt.Fprintf(&b, ` data-requires-python="%s"`, html.EscapeString(f.RequiresPython))
		}
		if f.Yanked {
			fmt.Fprintf(&b, ` data-yanked="%s"`, html.EscapeString(f.YankedReason))
		}
		fmt.Fprintf(&b, ">%s</a><br>\n", html.EscapeString(artifact.Printable(f.name)))
	}
	b.WriteString("</body></html>\n")
	return b.Bytes()
}

func head(b *bytes.Buffer, title string) {
	fmt.Fprintf(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"pypi:repository-version\" content=\"%s\"><title>%s</title></head><body>\n<h1>%[2]s</h1>\n",
		apiVersion, html.EscapeString(title))
}

// listPage is the list of projects.
func listPage(in format, names []string) *page {
	if in.json {
		all := jsonList{jsonMeta{apiVersion}, make([]jsonProject, 0, len(names))}
		for _, name := range names {
			all.Projects = append(all.Projects, jsonProject{name})
		}
		return newPage(encode(all))
	}
	var b bytes.Buffer
	head(&b, "Python packages")
	for _, name := range names {
		fmt.Fprintf(&b, "<a href=\"%s/\">%[1]s</a><br>\n", html.EscapeString(name))
	}
	b.WriteString("</body></html>\n")
	return newPage(b.Bytes())
}

// encode encodes a value that JSON can always represent.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(data, '\n')
}
