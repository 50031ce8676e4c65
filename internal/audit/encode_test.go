package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/audit"
)

// hostile are texts that a client may send, and what a line says instead of them.
var hostile = []struct{ name, text, line string }{
	{"quotes", `a"b\c`, `a\"b\\c`},
	{"a line of its own", "x\n{\"verdict\":\"allowed\"}\r\n", `x\u000a{\"verdict\":\"allowed\"}\u000d\u000a`},
	{"controls", "\x00\t\x1b[2J\x7f", `\u0000\u0009\u001b[2J\u007f`},
	{"controls beyond ASCII", "\u0085\u009b", `\u0085\u009b`},
	{"line separators", "\u2028\u2029", `\u2028\u2029`},
	{"from right to left", "\u202egnp.exe\u2066", `\u202egnp.exe\u2066`},
	{"invisible", "\u00a0\u200b\ufeff\U000e0041", `\u00a0\u200b\ufeff\udb40\udc41`},
	{"invalid", "a\xff\xc3(\xed\xa0\x80", "a��(���"},
	{"printable", "é 漢字 😀 <&>", "é 漢字 😀 <&>"},
}

func TestHostileTexts(t *testing.T) {
	for _, c := range hostile {
		r := sample()
		r.Agent = c.text
		if got := string(r.AppendJSON(nil)); !strings.Contains(got, `"agent":"`+c.line+`","method"`) {
			t.Errorf("%s: %s", c.name, got)
		}
		checkLine(t, r)
	}
}

func TestLongTexts(t *testing.T) {
	for _, unit := range []string{"a", "é", "漢", "😀", "\x00", "\xff", `"`, "\U000e0041"} {
		long := strings.Repeat(unit, 4<<10)
		checkLine(t, full(long))
		r := sample()
		r.Path = "/" + long
		var got struct{ Path string }
		must(t, json.Unmarshal(r.AppendJSON(nil), &got))
		if !strings.HasSuffix(got.Path, "…") || strings.Trim(got.Path, "/…\ufffd"+unit) != "" {
			t.Errorf("%q… is cut to %q", unit, got.Path)
		}
	}
	// Just short enough.
	r := sample()
	for _, path := range []string{strings.Repeat("a", 1024), strings.Repeat("é", 512), strings.Repeat(`"`, 512)} {
		r.Path = path
		var got struct{ Path string }
		must(t, json.Unmarshal(r.AppendJSON(nil), &got))
		if got.Path != path {
			t.Errorf("%d bytes are cut to %d", len(path), len(got.Path))
		}
	}
}

// full has text wherever a record can have one, and the longest of all else.
func full(text string) *audit.Record {
	return &audit.Record{
		Time: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), Client: netip.MustParseAddr("1111:2222:3333:4444:5555:6666:7777:8888").WithZone(text),
		User: text, Agent: text, Method: text, Path: text, Status: math.MinInt64, Kind: text, Artifact: text, Name: text, Version: text, Architecture: text, Channel: text,
		Verdict: audit.Verdict(text), Rule: text, Reason: text, Bytes: math.MinInt64, Duration: math.MaxInt64, ID: text,
	}
}

// checkLine checks that a line is as the package promises, and as encoding/json would write it.
func checkLine(t *testing.T, r *audit.Record) {
	t.Helper()
	line := r.AppendJSON(nil)
	if len(line) >= audit.MaxLine {
		t.Errorf("the line has %d bytes", len(line)+1)
	}
	for _, c := range string(line) {
		if !strconv.IsPrint(c) && c != utf8.RuneError {
			t.Fatalf("%q in the line %q", c, line)
		}
	}
	var got map[string]any
	decode := json.NewDecoder(bytes.NewReader(line))
	decode.UseNumber()
	if err := decode.Decode(&got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for key, text := range map[string]string{
		"user": r.User, "agent": r.Agent, "method": r.Method, "path": r.Path, "kind": r.Kind, "artifact": r.Artifact, "name": r.Name,
		"version": r.Version, "architecture": r.Architecture, "verdict": string(r.Verdict), "rule": r.Rule, "reason": r.Reason, "id": r.ID,
	} {
		standard, err := json.Marshal(text)
		must(t, err)
		var want string
		must(t, json.Unmarshal(standard, &want))
		have, _ := got[key].(string)
		if cut, ok := strings.CutSuffix(have, "…"); have != want && !(ok && strings.HasPrefix(want, cut)) {
			t.Errorf("%s: %q became %q", key, want, have)
		}
	}
	if got["status"] != json.Number(strconv.Itoa(r.Status)) || got["bytes"] != json.Number(strconv.FormatInt(r.Bytes, 10)) {
		t.Errorf("status %v, bytes %v", got["status"], got["bytes"])
	}
}

func FuzzLine(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.text, c.text, int64(12345), 200)
	}
	f.Fuzz(func(t *testing.T, a, b string, n int64, status int) {
		r := full(a)
		r.Path, r.Agent, r.Bytes, r.Status = b, a+b, n, status
		checkLine(t, r)
		r.Time, r.Verdict, r.Bytes, r.Status, r.Duration = time.UnixMicro(n&(1<<53-1)), audit.Missing, max(0, n), max(0, status), time.Duration(max(0, n&(1<<50-1)))
		checkAgain(t, r)
	})
}

// checkAgain reads the record's line, whose own line must be the same.
func checkAgain(t *testing.T, r *audit.Record) {
	t.Helper()
	line := r.AppendJSON(nil)
	var again []audit.Record
	skipped, err := audit.Read(bytes.NewReader(line), func(r *audit.Record) error {
		again = append(again, *r)
		return nil
	})
	if err != nil || skipped != 0 || len(again) != 1 {
		t.Fatalf("%d records, %d skipped, %v: %s", len(again), skipped, err, line)
	}
	if second := again[0].AppendJSON(nil); !bytes.Equal(second, line) {
		t.Errorf("read and written again:\n%s\n%s", line, second)
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.000000", -time.Second: "0.000000", 999: "0.000000", time.Microsecond: "0.000001", 1234567 * time.Microsecond: "1.234567", time.Hour: "3600.000000",
	} {
		r := sample()
		r.Duration = d
		if got := string(r.AppendJSON(nil)); !strings.Contains(got, `"duration":`+want+`,`) {
			t.Errorf("%s: %s", d, got)
		}
	}
}

func TestClientAddress(t *testing.T) {
	for text, want := range map[string]string{"": "", "::ffff:10.0.0.7": "10.0.0.7", "fe80::1%eth0": "fe80::1"} {
		r := sample()
		r.Client, _ = netip.ParseAddr(text)
		data, err := json.Marshal(r)
		must(t, err)
		var got audit.Record
		must(t, json.Unmarshal(data, &got))
		r.Client, _ = netip.ParseAddr(want)
		if !reflect.DeepEqual(&got, r) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// Whatever the time, it is written as the standard library would.
func TestTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.Unix(random.Int64N(400_000_000_000)-100_000_000_000, random.Int64N(1e9)).In(time.FixedZone("", random.IntN(80_000)-40_000))
		line, want := (&audit.Record{Time: at}).AppendJSON(nil), at.UTC().Format("2006-01-02T15:04:05.000000Z")
		if !bytes.HasPrefix(line, []byte(`{"time":"`+want+`"`)) {
			t.Fatalf("%s, want %s", line, want)
		}
	}
}
