package audit_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/audit"
)

// sample is a record of a download.
func sample() *audit.Record {
	return &audit.Record{
		Time: time.Date(2026, 11, 21, 8, 40, 27, 123456000, time.UTC), Client: netip.MustParseAddr("10.0.0.7"),
		Agent: "Fetcher/1.3 (2.6.1)", Method: "GET", Path: "/main/pool/b/bash_5.2.15-2_amd64.pkg", Status: 200,
		Kind: "made-up", Artifact: "main/pool/b/bash_5.2.15-2_amd64.pkg", Name: "bash", Version: "5.2.15-2", Architecture: "amd64",
		Verdict: audit.Allowed, Bytes: 1490000, Duration: 1234 * time.Microsecond, ID: "5f0c1a2b3c4d5e6f",
	}
}

const sampleLine = `{"time":"2026-11-21T08:40:27.123456Z","client":"10.0.0.7","agent":"Fetcher/1.3 (2.6.1)","method":"GET",` +
	`"path":"/main/pool/b/bash_5.2.15-2_amd64.pkg","status":200,"kind":"made-up","artifact":"main/pool/b/bash_5.2.15-2_amd64.pkg",` +
	`"name":"bash","version":"5.2.15-2","architecture":"amd64","verdict":"allowed","bytes":1490000,"duration":0.001234,"id":"5f0c1a2b3c4d5e6f"}` + "\n"

func TestLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	log := open(t, file)
	log.Write(sample())
	log.Write(sample())
	must(t, log.Close())
	if got := text(t, file); got != sampleLine+sampleLine {
		t.Errorf("got\n%swant twice\n%s", got, sampleLine)
	}
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm()&0o137 != 0 {
		t.Errorf("the file is %s: others than owner and group can read it", info.Mode())
	}
	records, skipped := read(t, file)
	if skipped != 0 || len(records) != 2 || !reflect.DeepEqual(records[0], *sample()) {
		t.Errorf("%d skipped, read %+v", skipped, records)
	}
}

// A line begins and ends on one page, which is what a process that is killed writes in one piece.
func TestPages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	log := open(t, file)
	r := sample()
	for i := range 500 {
		if i%50 == 0 {
			must(t, log.Reopen())
		}
		r.Path, r.Agent = "/"+strings.Repeat("x", i%499*3), strings.Repeat("\"", i%300)
		log.Write(r)
	}
	at := 0
	for line := range strings.Lines(text(t, file)) {
		first, end := at+len(line)-len(strings.TrimLeft(line, " ")), at+len(line)
		if first/4096 != (end-1)/4096 {
			t.Errorf("a line goes from %d to %d", first, end)
		}
		at = end
	}
	if records, skipped := read(t, file); len(records) != 500 || skipped != 0 {
		t.Errorf("%d records, %d skipped", len(records), skipped)
	}
}

func open(t testing.TB, file string) *audit.Log {
	t.Helper()
	log, err := audit.Open(file, nil)
	must(t, err)
	t.Cleanup(func() { log.Close() })
	return log
}

func read(t testing.TB, file string) (records []audit.Record, skipped int) {
	t.Helper()
	in, err := os.Open(file)
	must(t, err)
	defer in.Close()
	skipped, err = audit.Read(in, func(r *audit.Record) error {
		records = append(records, *r)
		return nil
	})
	must(t, err)
	return records, skipped
}

func text(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	return string(data)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
