package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones, where the system has none, as in an image from scratch

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	windowExamples = `"Mon-Fri 08:00-18:00", "Sat,Sun" or "22:00-06:00"`
	momentExamples = "2026-11-21, 2026-11-21T18:00 or 2026-11-21T18:00:00Z"
)

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseWindow reads days, hours, or days and hours.
func parseWindow(s string) (w window, err error) {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 2 {
		return w, artifact.Hint(fmt.Errorf("%q is not a time of the week", s), "write days, hours or both: %s", windowExamples)
	}
	w = window{days: [7]bool{true, true, true, true, true, true, true}, end: 24 * 60}
	if len(words) == 2 || words[0][0] < '0' || words[0][0] > '9' {
		if w.days, err = parseDays(words[0]); err != nil {
			return w, err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		w.begin, w.end, err = parseHours(words[0])
	}
	return w, err
}

func parseDays(s string) (days [7]bool, err error) {
	for part := range strings.SplitSeq(s, ",") {
		begin, end, isRange := strings.Cut(part, "-")
		first, err := parseDay(begin)
		last := first
		if err == nil && isRange {
			last, err = parseDay(end)
		}
		if err != nil {
			return days, err
		}
		for day := first; ; day = (day + 1) % 7 {
			days[day] = true
			if day == last {
				break
			}
		}
	}
	return days, nil
}

func parseDay(s string) (int, error) {
	for i, name := range weekdays {
		if strings.EqualFold(s, name) {
			return i, nil
		}
	}
	return 0, artifact.Hint(fmt.Errorf("%q is not a day", s), "days are Mon, Tue, Wed, Thu, Fri, Sat and Sun; write %s", windowExamples)
}

func parseHours(s string) (begin, end int, err error) {
	from, to, ok := strings.Cut(s, "-")
	if ok {
		if begin, err = parseClock(from); err == nil {
			end, err = parseClock(to)
		}
	}
	switch {
	case !ok || err != nil:
		return 0, 0, artifact.Hint(fmt.Errorf("%q are not hours", s), "write begin and end, from 00:00 to 24:00: %s", windowExamples)
	case begin == end || begin == 24*60:
		return 0, 0, artifact.Hint(fmt.Errorf("%q is no time at all", s), "for whole days leave out the hours; where the end is before the begin, it is on the next day")
	}
	return begin, end, nil
}

// parseClock returns minutes of the day.
func parseClock(s string) (int, error) {
	hour, minute, ok := strings.Cut(s, ":")
	h, errH := strconv.ParseUint(hour, 10, 8)
	m, errM := strconv.ParseUint(minute, 10, 8)
	if !ok || errH != nil || errM != nil || len(hour) > 2 || len(minute) != 2 || m > 59 || h*60+m > 24*60 {
		return 0, errors.New("not a time")
	}
	return int(h*60 + m), nil
}

// parseMoment reads a day, or a time in the zone, or one that says its own (RFC 3339).
func parseMoment(s string, zone *time.Location) (t time.Time, isDay bool, err error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil && t.Year() >= 1970 {
			return t, layout == time.DateOnly, nil
		}
	}
	return t, false, artifact.Hint(fmt.Errorf("%q is not a time", s), "write %s", momentExamples)
}

// parseZone reads a name of the IANA time zone database.
func parseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, artifact.Hint(fmt.Errorf("%q is not a time zone", name), "write a name of the time zone database, as Europe/Berlin, or UTC")
	}
	return zone, nil
}
