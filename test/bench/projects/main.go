// Command projects is an index of Python packages for benchmarks: 500,000 projects, p000000 to p499999, whose pages, metadata and wheels are made when
// they are requested.
//
//	projects [ADDRESS]
//
// A project requires some of those with smaller numbers. Of each there is one version that all requirements admit, so there is a solution, though not
// always with the newest versions. It prints "listening on HOST:PORT". Pages are JSON or HTML, as PEP 691 says, and have what PyPI's have.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const projects = 500_000

func main() {
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(serve)))
}

// draw is a number below n that depends on what is asked alone.
func draw(n int, of ...any) int {
	h := fnv.New64a()
	fmt.Fprint(h, of...)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return int(x % uint64(n))
}

func name(p int) string { return fmt.Sprintf("p%06d", p) }

// versions is how many a project has: 1.0 and so on.
func versions(p int) int { return 3 + draw(28, "versions", p) }

// common is the version that all requirements admit.
func common(p int) int { n := versions(p); return n - 1 - draw(min(n, 3), "common", p) }

// requires are the requirements of a version.
func requires(p, version int) (all []string) {
	for i := range draw(3, "number", p) {
		if p < 10 {
			break
		}
		q := draw(p/2, "of", p, i)
		text := fmt.Sprintf("%s>=1.%d", name(q), draw(common(q)+1, "least", p, version, i))
		if draw(20, "bounded", p, version, i) == 0 {
			text += fmt.Sprintf(",<1.%d", common(q)+1+draw(3, "below", p, version, i))
		}
		if draw(10, "marker", p, i) == 0 {
			text += `; python_version < "3.13"`
		}
		all = append(all, text)
	}
	return all
}

func metadata(p, version int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: 1.%d\nSummary: project %d\nRequires-Python: >=3.8\n", name(p), version, p)
	for _, r := range requires(p, version) {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	b.WriteString("\nIts description.\n")
	return b.Bytes()
}

func wheel(p, version int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	folder := fmt.Sprintf("%s-1.%d.dist-info/", name(p), version)
	for _, f := range []struct{ name, text string }{
		{name(p) + ".py", ""},
		{folder + "METADATA", string(metadata(p, version))},
		{folder + "WHEEL", "Wheel-Version: 1.0\nGenerator: projects\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{folder + "RECORD", fmt.Sprintf("%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n", name(p), folder, folder, folder)},
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(f.text))
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

func file(p, version int) string { return fmt.Sprintf("%s-1.%d-py3-none-any.whl", name(p), version) }

func serve(w http.ResponseWriter, r *http.Request) {
	switch parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case len(parts) == 2 && parts[0] == "simple":
		if p, version, known := parse(parts[1]); known && version < 0 {
			page(w, r, p)
			return
		}
	case len(parts) == 2 && parts[0] == "files":
		wheelName, isMetadata := strings.CutSuffix(parts[1], ".metadata")
		if p, version, known := parse(strings.TrimSuffix(wheelName, "-py3-none-any.whl")); known && version >= 0 {
			w.Header().Set("Cache-Control", "max-age=365000000, immutable, public")
			if isMetadata {
				_, _ = w.Write(metadata(p, version))
			} else {
				_, _ = w.Write(wheel(p, version))
			}
			return
		}
	}
	http.NotFound(w, r)
}

// parse reads "p000001", of which version is -1, or "p000001-1.2".
func parse(text string) (p, version int, known bool) {
	project, of, versioned := strings.Cut(text, "-1.")
	p, err := strconv.Atoi(strings.TrimPrefix(project, "p"))
	if err != nil || p < 0 || p >= projects || name(p) != project {
		return 0, 0, false
	}
	if !versioned {
		return p, -1, true
	}
	version, err = strconv.Atoi(of)
	return p, version, err == nil && version >= 0 && version < versions(p)
}

func page(w http.ResponseWriter, r *http.Request, p int) {
	type entry struct {
		Name     string            `json:"filename"`
		URL      string            `json:"url"`
		Hashes   map[string]string `json:"hashes"`
		Python   string            `json:"requires-python"`
		Size     int               `json:"size"`
		Uploaded string            `json:"upload-time"`
		Metadata map[string]string `json:"core-metadata"`
		Data     map[string]string `json:"data-dist-info-metadata"`
		Yanked   bool              `json:"yanked"`
	}
	var entries []entry
	var all []string
	for v := range versions(p) {
		data, m := wheel(p, v), map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256(metadata(p, v)))}
		entries = append(entries, entry{file(p, v), "../../files/" + file(p, v), map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256(data))},
			">=3.8", len(data), fmt.Sprintf("2026-01-%02dT00:00:00Z", v+1), m, m, false})
		all = append(all, fmt.Sprintf("1.%d", v))
	}
	w.Header().Set("Cache-Control", "max-age=600, public")
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json") {
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": name(p), "versions": all, "files": entries})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" content=\"1.1\"></head><body>\n")
	for _, e := range entries {
		fmt.Fprintf(w, "<a href=\"%s#sha256=%s\" data-requires-python=\"&gt;=3.8\" data-core-metadata=\"sha256=%s\">%s</a><br>\n", e.URL, e.Hashes["sha256"], e.Metadata["sha256"], e.Name)
	}
	fmt.Fprint(w, "</body></html>\n")
}
