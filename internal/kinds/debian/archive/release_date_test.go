package archive

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// dates are spellings of dates; those that apt takes mean the same moment.
var dates = []struct {
	text string
	good bool
}{
	{"Mon, 06 May 2024 07:08:09 UTC", true},
	{"Mon, 06 May 2024 07:08:09 GMT", true},
	{"Mon, 06 May 2024 07:08:09 Z", true},
	{"Mon, 06 May 2024 07:08:09 +0000", true}, // apt-ftparchive
	{"Mon, 06 May 2024 07:08:09 -0000", true}, // date -R -u of some systems
	{"Mon, 06 May 2024 07:08:09 0", true},
	{"Mon, 6 May 2024 7:08:09 UTC", true},
	{"Mon, 6 May 2024 07:8:9 +0000", true},
	{"Mon,  6 May 2024  07:08:09  UTC", true},
	{"mon, 06 may 2024 07:08:09 UTC", true},
	{"Mon, 06 MAY 2024 07:08:09 UTC", true},
	{"Tue, 06 May 2024 07:08:09 UTC", true}, // a Monday
	{"Mon May  6 07:08:09 2024", true},
	{"Monday, 06-May-124 07:08:09 GMT", true},
	{"Mon, 06 May 2024 07:08:09.123 UTC", true},
	{"Mon, 06 May 2024 07:08:09 CEST", false},
	{"Mon, 06 May 2024 07:08:09 +0100", false},
	{"Mon, 06 May 2024 07:08:09 -0700", false},
	{"Mon, 06 May 2024 07:08:09 +00:00", false},
	{"Mon, 06 May 2024 07:08:09 utc", false},
	{"Mon, 06 May 2024 07:08:09 z", false},
	{"Mon, 06 May 2024 07:08:09", false},
	{"Mon, 06 May 2024 07:08:09 UTC tomorrow", false},
	{"Mon, 06 May 2024 07:08 UTC", false},
	{"Mon, 06 May 2024 25:08:09 UTC", false},
	{"Mon, 00 May 2024 07:08:09 UTC", false},
	{"Mon, 32 May 2024 07:08:09 UTC", false},
	{"Lun, 06 May 2024 07:08:09 UTC", false},
	{"Mon 06 May 2024 07:08:09 UTC", false},
	{"06 May 2024 07:08:09 UTC", false},
	{"2024-05-06T07:08:09Z", false},
	{"2024-05-06 07:08:09 UTC", false},
	{"1714979289", false},
	{"yesterday", false},
}

func TestParseDate(t *testing.T) {
	for _, c := range dates {
		got, err := parseDate(c.text)
		if (err == nil) != c.good {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && !got.Truncate(time.Second).Equal(debiantest.DefaultDate) {
			t.Errorf("%q is %s", c.text, got)
		}
	}
	for text, want := range map[string]time.Time{
		"Fri, 30 Feb 2024 00:00:00 UTC": time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		"Sat, 31 Dec 2016 23:59:60 GMT": time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseDate(text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
}

// TestParseDateAsApt has apt read each of the dates: one suite each, which apt
// warns of when it can't read the suite's date.
func TestParseDateAsApt(t *testing.T) {
	key := debiantest.NewKey("archive")
	archive := &debiantest.Archive{}
	var sources strings.Builder
	for i, c := range dates {
		archive.Suites = append(archive.Suites, &debiantest.Suite{Name: fmt.Sprintf("s%02d", i), SignedBy: []*debiantest.Key{key}, Signing: "inline",
			EditRelease: func(release []byte) []byte {
				return regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllLiteral(release, []byte("Date: "+c.text))
			}})
	}
	server := debiantest.Start(t, archive)
	for _, s := range archive.Suites {
		sources.WriteString(debiantest.Source(server.URL, s.Name, []string{"main"}, key.Armored()))
	}
	said, err := debiantest.NewApt(t, sources.String()).Get("update")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range dates {
		warned := regexp.MustCompile(fmt.Sprintf(`Invalid 'Date' entry in Release file .*_s%02d_InRelease`, i)).MatchString(said)
		if warned == c.good {
			t.Errorf("%q: apt warns: %t", c.text, warned)
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, c := range dates {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		date, err := parseDate(text)
		if err != nil {
			return
		}
		if again, err := parseDate(date.Format(deb822.DateLayout)); err != nil || !again.Equal(date) {
			t.Fatalf("%q is %s, and that is %s, %v", text, date, again, err)
		}
	})
}
