package archive

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	months   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

	clock      = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})`)
	zeroOffset = regexp.MustCompile(`^[+-]?0+$`)
)

// The years that a lock accepts.
const minYear, maxYear = 1990, 2200

// parseDate reads the dates of Release files as apt does: any of the three forms of
// RFC 9110, section 5.6.7, in UTC. The zone is UTC, GMT, Z or an offset of zero, as
// apt-ftparchive writes it; a date in another zone is an error.
func parseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, errors.New("it is missing")
	}
	t, err := parseWords(strings.Fields(s))
	if err != nil {
		return t, fmt.Errorf("%q is not a date like \"Sat, 11 Jul 2026 10:16:37 UTC\": %w", s, err)
	}
	if year := t.Year(); year < minYear || year > maxYear {
		return t, fmt.Errorf("%q cannot be right: its year is out of range", s)
	}
	return t, nil
}

func parseWords(w []string) (t time.Time, err error) {
	var day, month, year, at, zone string
	var century int
	switch form := weekdayForm(w); {
	case form == "Sat," && len(w) == 6: // RFC 5322
		day, month, year, at, zone = w[1], w[2], w[3], w[4], w[5]
	case form == "Sat" && len(w) == 5: // ANSI C's asctime
		month, day, at, year, zone = w[1], w[2], w[3], w[4], "UTC"
	case form == "Saturday," && len(w) == 4: // RFC 850
		parts := strings.Split(w[1], "-")
		if len(parts) != 3 {
			return t, fmt.Errorf("%q is not a day", w[1])
		}
		day, month, year, at, zone, century = parts[0], parts[1], parts[2], w[2], w[3], 1900
	default:
		return t, errors.New("unknown format")
	}
	if !slices.Contains([]string{"UTC", "GMT", "Z"}, zone) && !zeroOffset.MatchString(zone) {
		return t, fmt.Errorf("its time zone is %q, want UTC", zone)
	}
	monthNumber := slices.IndexFunc(months, func(name string) bool { return len(month) >= 3 && strings.EqualFold(month[:3], name) })
	dayNumber, dayErr := strconv.Atoi(day)
	yearNumber, yearErr := strconv.Atoi(year)
	// What follows the seconds is ignored, as in strptime(3).
	parts := clock.FindStringSubmatch(at)
	if monthNumber < 0 || dayErr != nil || dayNumber < 1 || dayNumber > 31 || yearErr != nil || yearNumber < 0 || yearNumber > 9999 || parts == nil {
		return t, errors.New("a part of it is not a number in range")
	}
	hour, _ := strconv.Atoi(parts[1])
	minute, _ := strconv.Atoi(parts[2])
	second, _ := strconv.Atoi(parts[3])
	if hour > 23 || minute > 59 || second > 61 { // leap seconds
		return t, fmt.Errorf("%q is not a time of day", at)
	}
	return time.Date(century+yearNumber, time.Month(monthNumber+1), dayNumber, hour, minute, second, 0, time.UTC), nil
}

// weekdayForm tells the form of a date by its first word: "Sat,", "Sat" or "Saturday,".
// It need not be the right day.
func weekdayForm(words []string) string {
	if len(words) == 0 || len(words[0]) < 3 || !slices.Contains(weekdays, strings.ToLower(words[0][:3])) {
		return ""
	}
	switch after := words[0][3:]; {
	case after == "":
		return "Sat"
	case after == ",":
		return "Sat,"
	case strings.HasSuffix(after, ","):
		return "Saturday,"
	}
	return ""
}
