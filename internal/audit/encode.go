package audit

import (
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/minimirror/minimirror/internal/artifact"
)

const timeFormat = "2006-01-02T15:04:05.000000Z"

// AppendJSON appends the record as a line has it, without the newline. log/slog would take 3 µs and
// three allocations more (BenchmarkWrite), and leaves texts as long, and as harmful to a terminal, as they are.
func (r *Record) AppendJSON(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = appendTime(b, r.Time)
	b = append(b, `","client":"`...)
	b = appendAddress(b, r.Client)
	b = append(b, '"')
	b = appendPair(b, `,"user":`, r.User, maxUser)
	b = appendPair(b, `,"agent":`, r.Agent, maxAgent)
	b = appendText(append(b, `,"method":`...), r.Method, maxMethod)
	b = appendText(append(b, `,"path":`...), r.Path, maxPath)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	b = appendPair(b, `,"kind":`, r.Kind, maxKind)
	b = appendPair(b, `,"artifact":`, r.Artifact, maxArtifact)
	b = appendPair(b, `,"name":`, r.Name, maxName)
	b = appendPair(b, `,"version":`, r.Version, maxVersion)
	b = appendPair(b, `,"architecture":`, r.Architecture, maxArchitecture)
	b = appendPair(b, `,"channel":`, r.Channel, maxChannel)
	b = appendText(append(b, `,"verdict":`...), string(r.Verdict), maxVerdict)
	b = appendPair(b, `,"rule":`, r.Rule, maxRule)
	b = appendPair(b, `,"reason":`, r.Reason, maxReason)
	b = strconv.AppendInt(append(b, `,"bytes":`...), r.Bytes, 10)
	if r.Size != 0 {
		b = strconv.AppendInt(append(b, `,"size":`...), r.Size, 10)
	}
	b = appendSeconds(append(b, `,"duration":`...), r.Duration)
	b = appendText(append(b, `,"id":`...), r.ID, maxID)
	return append(b, '}')
}

// appendTime appends a time as timeFormat has it, at a quarter of the cost of AppendFormat (BenchmarkWrite).
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, timeFormat)
	}
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 1000), '-')
	b = append(appendDigits(b, int(month), 10), '-')
	b = append(appendDigits(b, day, 10), 'T')
	b = append(appendDigits(b, hour, 10), ':')
	b = append(appendDigits(b, minute, 10), ':')
	b = append(appendDigits(b, second, 10), '.')
	return append(appendDigits(b, t.Nanosecond()/1000, 100_000), 'Z')
}

// appendDigits appends a number with as many digits as unit has.
func appendDigits(b []byte, n, unit int) []byte {
	for ; unit > 0; unit /= 10 {
		b = append(b, '0'+byte(n/unit%10))
	}
	return b
}

// MarshalJSON implements json.Marshaler.
func (r *Record) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

func appendPair(b []byte, key, text string, limit int) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, key...), text, limit)
}

// plain is the address of a client as records and reports name it: IPv4 as such, and without
// a zone, whose name is the server's own.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func appendAddress(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return plain(a).AppendTo(b)
}

// appendSeconds appends microseconds as seconds: "0.000123".
func appendSeconds(b []byte, d time.Duration) []byte {
	micro := max(0, d.Microseconds())
	b = strconv.AppendInt(b, micro/1e6, 10)
	return appendDigits(append(b, '.'), int(micro%1e6), 100_000)
}

// cutMark ends a text that was too long.
const cutMark = "…"

// appendText appends text as a JSON string of at most limit bytes between its quotes, of
// printable characters alone.
func appendText(b []byte, text string, limit int) []byte {
	b = append(b, '"')
	start := len(b)
	if len(text) <= limit && harmless(text) {
		b = append(b, text...)
		return append(b, '"')
	}
	end := start // of what leaves room for the mark
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		b = appendRune(b, r)
		if len(b)-start > limit {
			b = append(b[:end], cutMark...)
			break
		}
		if len(b)-start <= limit-len(cutMark) {
			end = len(b)
		}
	}
	return append(b, '"')
}

// harmless reports whether text stands for itself in a JSON string, on a terminal and in a line.
func harmless(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case printable(r):
		return utf8.AppendRune(b, r)
	}
	return artifact.AppendEscape(b, r)
}

// printable reports whether a character is visible, or is the ASCII space.
func printable(r rune) bool { return strconv.IsPrint(r) && artifact.Visible(r) }
