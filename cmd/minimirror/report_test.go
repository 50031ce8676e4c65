package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/imagetest"
)

const trail = `{"time":"2026-11-20T08:00:00Z","client":"10.0.0.1","method":"GET","path":"/main/pool/a.deb","status":200,"artifact":"main/pool/a.deb","name":"a","version":"1","verdict":"allowed","bytes":1000,"duration":0.1,"id":"1"}
{"time":"2026-11-21T08:00:00Z","client":"10.0.0.2","method":"GET","path":"/main/pool/b.deb","status":404,"name":"b","version":"2","verdict":"missing","bytes":10,"duration":0.1,"id":"2"}
cut off
`

func TestReport(t *testing.T) {
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.log.1.gz")
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(strings.ReplaceAll(trail, "10.0.0.2", "10.0.0.3")))
	w.Close()
	for file, data := range map[string][]byte{plain: []byte(trail), packed: gz.Bytes()} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, args string
		code       int
		stdout     []string // parts
		stderr     string
	}{
		{"text", plain + " " + packed, 0, []string{"4 requests from 2026-11-20 08:00 to 2026-11-21 08:00 UTC, 0.1 MB sent", "Missing, for the next build: 1", "b 2", "10.0.0.2 10.0.0.3"},
			plain + ": skipped 1 lines that are not audit records"},
		{"since", plain + " --since 2026-11-21", 0, []string{"1 requests", "Fetched: 0"}, ""},
		{"until", plain + " --until 2026-11-21T08:00:00Z", 0, []string{"1 requests", "Fetched: 1"}, ""},
		{"client", plain + " --client 10.0.0.1 --client 10.9.0.0/16", 0, []string{"1 requests", "Clients: 1"}, ""},
		{"name", plain + " --name [b-z]*", 0, []string{"1 requests", "Missing, for the next build: 1"}, ""},
		{"JSON", plain + " --format json", 0, []string{`"missing":{"total":1,"rows":[{"path":"/main/pool/b.deb","name":"b","version":"2","requests":1,`, `"never":null`}, ""},
		{"rows", plain + " " + packed + " --rows 1", 0, []string{"Clients: 3", "… and 2 more"}, ""},
		{"no such rows", plain + " --rows -1", 2, nil, "--rows -1"},
		{"no file", filepath.Join(dir, "none"), 1, nil, "no such file"},
		{"no argument", "", 2, nil, "hint: run: minimirror report --help"},
		{"no time", plain + " --since yesterday", 2, nil, `--since: "yesterday" is not a time`},
		{"backwards", plain + " --since 2026-11-21 --until 2026-11-20", 2, nil, "is before"},
		{"no address", plain + " --client host", 2, nil, "neither an address nor a network"},
		{"no pattern", plain + " --name [", 2, nil, "not a valid name or pattern"},
		{"no format", plain + " --format csv", 2, nil, "want text or json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), append([]string{"report"}, strings.Fields(c.args)...), &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, part := range c.stdout {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("standard output lacks %q:\n%s", part, &stdout)
				}
			}
			if !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("standard error lacks %q:\n%s", c.stderr, &stderr)
			}
		})
	}
}

// Names that clients looked up are missing until the image carries them; of another kind, they still are.
func TestReportOfLookups(t *testing.T) {
	dir := t.TempDir()
	imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "a"}}).WriteRoot(t, dir)
	line := func(id int, kind, name string) string {
		return fmt.Sprintf(`{"time":"2026-11-20T08:00:00Z","client":"10.0.0.%d","method":"GET","path":"/-/search","status":200,%s"name":%q,"verdict":"missing","reason":"looked up by name","bytes":1,"duration":0.1,"id":"1"}`+"\n", id, kind, name)
	}
	file := filepath.Join(t.TempDir(), "audit.log")
	text := line(1, "", "POOL/a") + line(2, `"kind":"plain",`, "pool/a") + line(3, `"kind":"other",`, "pool/a") + line(4, "", "nmap") + line(5, "", "nmap") + strings.Split(trail, "\n")[1] + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string][]string{
		"":                 {"next build: 5", "nmap (looked up) ", "POOL/a (looked up) ", "b 2 "},
		"root:" + dir + "": {"next build: 3", "nmap (looked up) ", "pool/a (looked up) ", "10.0.0.3", "b 2 "},
	} {
		var stdout, stderr bytes.Buffer
		args := []string{"report", file}
		if image != "" {
			args = append(args, "--image", image)
		}
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		for _, part := range want {
			if !strings.Contains(stdout.String(), part) {
				t.Errorf("%s: no %q in\n%s", image, part, &stdout)
			}
		}
	}
}

func TestReportOfImage(t *testing.T) {
	dir := t.TempDir()
	imagetest.New(t, imagetest.Spec{Artifacts: map[string]string{"pool/a": "a", "pool/b": "bbb", "pool/c": "cc"}}).WriteRoot(t, dir)
	file := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(strings.ReplaceAll(trail, ".deb", ""), "main/", "files/")), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"report", file, "--image", "root:" + dir, "--format", "json"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	var report audit.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if n := report.Never; n == nil || n.Total != 2 || n.Bytes != 5 || n.Rows[0].Artifact != "files/pool/b" || report.Missing.Total != 0 {
		t.Errorf("%s", &stdout)
	}
}
