package audit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minimirror/minimirror/internal/audit"
)

func TestRead(t *testing.T) {
	line := strings.TrimSuffix(sampleLine, "\n")
	for _, c := range []struct {
		name, log        string
		records, skipped int
	}{
		{"nothing", "", 0, 0},
		{"empty lines", "\n\r\n \n" + line + "\n\n", 1, 0},
		{"no end", line, 1, 0},
		{"end of Windows", line + "\r\n" + line + "\r\n", 2, 0},
		{"cut", line[:50] + "\n" + line + "\n" + line[:70], 1, 2},
		{"zeros after a power failure", strings.Repeat("\x00", 5000) + "\n" + line + "\n", 1, 1},
		{"no JSON", "hello\n[]\nnull\n3\n{}\n", 0, 5},
		{"longer than any line", strings.Repeat("x", 200<<10) + "\n" + line + "\n" + `{"path":"` + strings.Repeat("x", 70<<10), 1, 2},
		{"more keys", strings.Replace(line, "{", `{"host":"mirror","next":{"a":[1]},`, 1), 1, 0},
		{"no time", strings.Replace(line, `"time"`, `"when"`, 1), 0, 1},
		{"no address", strings.Replace(line, "10.0.0.7", "10.0.0", 1), 0, 1},
		{"unknown verdict", strings.Replace(line, `"allowed"`, `"perhaps"`, 1), 0, 1},
		{"negative bytes", strings.Replace(line, `"bytes":1`, `"bytes":-1`, 1), 0, 1},
		{"endless", strings.Replace(line, `0.001234`, `1e300`, 1), 0, 1},
		{"a text for a number", strings.Replace(line, `200`, `"200"`, 1), 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var packed bytes.Buffer
			for _, part := range []string{c.log[:len(c.log)/2], c.log[len(c.log)/2:]} { // two members, as "gzip >>" makes them
				w := gzip.NewWriter(&packed)
				io.WriteString(w, part)
				must(t, w.Close())
			}
			for _, r := range []io.Reader{strings.NewReader(c.log), iotest.OneByteReader(strings.NewReader(c.log)), &packed} {
				records := 0
				skipped, err := audit.Read(r, func(*audit.Record) error { records++; return nil })
				if err != nil || records != c.records || skipped != c.skipped {
					t.Errorf("%d records, %d skipped, %v", records, skipped, err)
				}
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, sampleLine)
	must(t, w.Close())
	broken := errors.New("broken disk")
	for _, r := range []io.Reader{
		bytes.NewReader(packed.Bytes()[:packed.Len()-5]), bytes.NewReader(packed.Bytes()[:5]), io.MultiReader(strings.NewReader(sampleLine), iotest.ErrReader(broken)),
	} {
		if _, err := audit.Read(r, func(*audit.Record) error { return nil }); err == nil {
			t.Error("no error")
		}
	}
	records := 0
	_, err := audit.Read(strings.NewReader(sampleLine+sampleLine), func(*audit.Record) error { records++; return broken })
	if err != broken || records != 1 {
		t.Errorf("%d records, %v", records, err)
	}
}

func FuzzRead(f *testing.F) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, sampleLine)
	must(f, w.Close())
	f.Add(packed.Bytes())
	f.Add([]byte(sampleLine + "\n" + sampleLine[:99] + "\n\x00\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := audit.NewSummary()
		requests := int64(0)
		audit.Read(bytes.NewReader(data), func(r *audit.Record) error {
			checkLine(t, r)
			s.Add(r)
			requests++
			return nil
		})
		r := s.Report(audit.ReportOptions{})
		if r.Requests != requests {
			t.Errorf("%d requests of %d", r.Requests, requests)
		}
		must(t, r.Text(io.Discard))
	})
}
